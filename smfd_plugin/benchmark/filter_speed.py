"""How fast smfd.Deblur is: `python -m smfd_plugin.benchmark.filter_speed`.

Beside it runs the loop over facexlib's FaceRestoreHelper with the same network and detector, which
is how today's face restoration filters work. Every line is measured in a process of its own.
"""

import argparse
import multiprocessing
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import perf_counter, process_time

import torch
import vapoursynth as vs

from smfd_plugin.benchmark.helper_loop import helper_loop
from smfd_plugin.benchmark.moving_faces import load_portraits, make_film, to_clip
from smfd_plugin.benchmark.stages import STAGES, Stopwatch
from smfd_plugin.common import memory
from smfd_plugin.restore import make_detector, pick_device
from smfd_plugin.vapoursynth import deblur
from smfd_plugin.weights import load_network

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}
METHODS = ("smfd.Deblur", "FaceRestoreHelper")


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        method: one of METHODS.
        size: one of SIZES.
        faces: in each frame.
        side: of the aligned faces, in pixels, at 1080p; at 720p they are smaller in proportion.
        frames: how many are measured.
        device: see `deblur`.
        folder: of portraits, see `load_portraits`.
        cpu_time: count the process's CPU seconds instead of the clock's, for a machine that does
            other work at the same time.
    """

    method: str
    size: str
    faces: int
    side: int
    frames: int
    device: str
    folder: Path | None
    cpu_time: bool = False


@dataclass(frozen=True)
class Result:
    """Measurements of one case.

    Attributes:
        fps: frames per second, with as many VapourSynth threads as there are cores.
        stages: milliseconds of a frame by stage, with one VapourSynth thread (in the filter torch
            has as many as a stream has, in the loop all); `other` is the rest: format conversion,
            and what VapourSynth and Python need themselves.
        memory: of the process at its peak, in MB.
        device_memory: of the GPU at its peak, in MB; 0 without one.
    """

    fps: float
    stages: dict[str, float]
    memory: float
    device_memory: float


def measure(case: Case) -> Result:
    """Measures a case in this process."""
    width, height = SIZES[case.size]
    portraits = load_portraits(case.folder, case.faces)
    film = make_film(portraits, width, height, round(case.side * height / 1080), 8)
    clip = to_clip(film.blurry).std.Loop()
    cores = vs.core.num_threads
    clock = process_time if case.cpu_time else perf_counter
    fps = case.frames / _seconds(_filter(case, clip, Stopwatch()), case.frames, clock)
    watch = Stopwatch(clock)
    vs.core.num_threads = 1
    with watch.watch_filter():
        filtered = _filter(case, clip, watch)
        total = _seconds(filtered, case.frames, clock, watch.seconds.clear)
    vs.core.num_threads = cores
    stages = {stage: watch.seconds[stage] for stage in STAGES}
    stages["other"] = total - sum(stages.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    on_gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return Result(
        fps,
        {stage: seconds / case.frames * 1000 for stage, seconds in stages.items()},
        peak / (1024**2 if sys.platform == "darwin" else 1024),
        on_gpu / 1024**2,
    )


def memory_growth(frames: int) -> float:
    """By how many MB the process grows over so many frames, after 200 to warm up."""
    film = make_film(load_portraits(None, 1), 320, 240, 120, 8)
    filtered = deblur(to_clip(film.blurry).std.Loop(), sharp_gate=0)
    sizes = []
    for n, frame in enumerate(filtered.frames(close=True)):
        del frame
        if n in (200, 200 + frames):
            sizes.append(memory.resident())
        if len(sizes) == 2:
            break
    return (sizes[1] - sizes[0]) / 2**20


def _filter(case: Case, clip: vs.VideoNode, watch: Stopwatch) -> vs.VideoNode:
    if case.method == METHODS[0]:
        return deblur(clip, device=case.device, sharp_gate=0)
    device = pick_device(case.device)
    return helper_loop(clip, load_network().to(device), make_detector("auto", device), watch)


def _seconds(
    clip: vs.VideoNode,
    count: int,
    clock: Callable[[], float],
    begin: Callable[[], None] = lambda: None,
) -> float:
    """Time for `count` frames in order, after some that are not counted."""
    warm_up = 2
    start = end = 0.0
    for n, _ in enumerate(clip[: count + warm_up].frames(close=True)):
        if n == warm_up - 1:
            begin()
            start = clock()
        end = clock()  # VapourSynth collects garbage after the last frame, which is no frame's time
    return end - start


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--faces", type=int, nargs="+", default=[1, 4], help="in a frame (1 4)")
    add("--sizes", nargs="+", choices=SIZES, default=list(SIZES), help="of a frame (all)")
    add("--side", type=int, default=256, help="of an aligned face at 1080p, in pixels (256)")
    add("--frames", type=int, default=12, help="to measure for each line (12)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    add("--portraits", type=Path, help="folder of aligned portraits (scikit-image's)")
    add("--cpu-time", action="store_true", help="count CPU seconds, on a machine that is busy")
    add("--growth", type=int, metavar="N", help="measure only how memory grows over N frames")
    args = parser.parse_args()
    try:
        pick_device(args.device)
        load_portraits(args.portraits, max(args.faces))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if args.growth:
        print(f"resident memory grew by {memory_growth(args.growth):.1f} MB over {args.growth}")
        return
    columns = ("method", "size", "faces", "fps", *(f"{stage} ms" for stage in (*STAGES, "other")))
    print("| " + " | ".join((*columns, "memory MB", "device MB")) + " |")
    print("|---" * (len(columns) + 2) + "|")
    context = multiprocessing.get_context("spawn")
    for size, faces, method in product(args.sizes, args.faces, METHODS):
        case = Case(
            method, size, faces, args.side, args.frames, args.device, args.portraits, args.cpu_time
        )
        with context.Pool(1) as pool:
            result = pool.apply(measure, (case,))
        numbers = [f"{result.fps:.2f}", *(f"{ms:.0f}" for ms in result.stages.values())]
        numbers += [f"{result.memory:.0f}", f"{result.device_memory:.0f}"]
        print("| " + " | ".join((method, size, str(faces), *numbers)) + " |", flush=True)


if __name__ == "__main__":
    main()
