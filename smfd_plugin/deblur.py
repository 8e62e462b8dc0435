"""The command `smfd deblur`: pictures, folders of pictures, and video files."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from smfd_plugin.common.extras import extra
from smfd_plugin.restore import command as pictures
from smfd_plugin.restore.targets import (
    VIDEO_SUFFIXES,
    Job,
    check_free,
    check_jobs,
    exit_code,
    is_one_file,
    to_do,
)
from smfd_plugin.vapoursynth.arguments import DEFAULT_SHARP_GATE, DEFAULT_TEMPORAL
from smfd_plugin.vapoursynth.codecs import CODECS, check_container, held_name

_UNREAD_PICTURES = (".gif", ".psd", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf")

VIDEO_DEFAULTS = {
    "start": 0.0,
    "end": None,
    "codec": "h264",
    "quality": None,
    "temporal": DEFAULT_TEMPORAL,
    "sharp_gate": DEFAULT_SHARP_GATE,
}
"""Of the options that are for videos only."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments."""
    pictures.add_arguments(parser)
    add = parser.add_argument_group("for video files").add_argument
    parser.set_defaults(**VIDEO_DEFAULTS)
    add("--start", metavar="TIME", type=seconds, help="seconds or [HH:]MM:SS (0)")
    add("--end", metavar="TIME", type=seconds, help="where to stop (default: the video's end)")
    add("--codec", choices=CODECS, help="of the output (default: %(default)s)")
    add(
        "--quality",
        metavar="N",
        type=int,
        help=f"constant rate factor, lower is better and larger (default: {_defaults()})",
    )
    add(
        "--temporal",
        metavar="N",
        type=int,
        help="frames before and after each that keep its faces steady (default: %(default)s)",
    )
    add(
        "--sharp-gate",
        metavar="PIXELS",
        type=float,
        help="leave faces alone that are less blurred than by a Gaussian of this deviation "
        "(default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Deblurs all inputs.

    Returns:
        Exit code, see `exit_code`.

    Raises:
        ValueError: inputs, output or options do not fit together.
        FileNotFoundError: an input is not there.
        ModuleNotFoundError: the extra `video` is not installed.
    """
    _check_inputs(args.inputs)
    if not is_video(args.inputs[0]):
        _refuse(args, VIDEO_DEFAULTS, "videos")
        return pictures.run(args)
    _refuse(args, pictures.PICTURE_DEFAULTS, "pictures")
    _check_video_options(args)
    jobs = plan(args.inputs, args.output, args.overwrite or args.skip_existing, args.codec)
    left = to_do(jobs, args.skip_existing)
    for job in jobs:
        if job not in left:
            print(f"{job.target}: already there")
    return _deblur_videos(args, left)


def plan(videos: list[Path], output: Path, may_exist: bool, codec: str) -> list[Job]:
    """Which file is written for each video: OUTPUT if that has a video's suffix and is no folder,
    else a file of the same name in the folder OUTPUT, .mkv if its own kind cannot hold the codec.

    Raises:
        FileExistsError: a target is already there, and `may_exist` is False.
        ValueError: see `is_one_file`, `check_container` and `check_jobs`.
    """
    if is_one_file(videos, output, VIDEO_SUFFIXES, "video"):
        check_container(output, codec)
        jobs = [Job(videos[0], output)]
    else:
        jobs = [Job(video, output / held_name(video, codec).name) for video in videos]
    check_jobs(jobs, "video")
    if not may_exist:
        for job in jobs:
            check_free(job.target)
    return jobs


def is_video(path: Path) -> bool:
    """By the suffix."""
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.is_dir()


def seconds(text: str) -> float:
    """From "90", "1:30" or "0:01:30.0".

    Raises:
        argparse.ArgumentTypeError: no time.
    """
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; use 90 or 1:30") from error
    if len(parts) > 3 or any(not 0 <= part < float("inf") for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; use 90 or 1:30")
    return sum(part * 60**i for i, part in enumerate(reversed(parts)))


def _check_inputs(inputs: list[Path]) -> None:
    """Checks that smfd knows their kinds, that these are not mixed, and that videos are there; the
    rest is checked by `pictures.plan`."""
    known = (*pictures.READ_SUFFIXES, *VIDEO_SUFFIXES)
    for path in inputs:
        if path.is_file() and path.suffix.lower() in _UNREAD_PICTURES:
            raise ValueError(f"smfd cannot read {path}; save it as JPEG or PNG first")
        if path.is_file() and path.suffix.lower() not in known:
            raise ValueError(
                f"{path} is no picture ({', '.join(pictures.READ_SUFFIXES)}) and no video "
                f"({', '.join(VIDEO_SUFFIXES)}) that smfd knows"
            )
    videos = [path for path in inputs if is_video(path)]
    if videos and len(videos) < len(inputs):
        raise ValueError(f"{videos[0]} is a video, other inputs are not; deblur them in two runs")
    missing = next((video for video in videos if not video.is_file()), None)
    if missing:
        raise FileNotFoundError(f"no file {missing}")


def _refuse(args: argparse.Namespace, defaults: Mapping[str, Any], kind: str) -> None:
    """Refuses options that are for inputs of the other kind only."""
    for name, default in defaults.items():
        if getattr(args, name) != default:
            raise ValueError(f"--{name.replace('_', '-')} is for {kind} only")


def _check_video_options(args: argparse.Namespace) -> None:
    worst = CODECS[args.codec].worst
    if args.quality is not None and worst is None:
        raise ValueError(f"--quality: {args.codec} has none to choose; leave it out")
    if args.quality is not None and not 0 <= args.quality <= worst:
        raise ValueError(f"--quality of {args.codec} is 0 to {worst}, not {args.quality}")
    if args.end is not None and args.end <= args.start:
        raise ValueError(f"--end {args.end:g} s is not after --start {args.start:g} s")


def _deblur_videos(args: argparse.Namespace, jobs: list[Job]) -> int:
    """Says of each what was done, and returns the exit code."""
    deblur_file = _import_video()
    failed = 0
    for source, target in jobs:
        try:
            frames, with_faces = deblur_file(
                source,
                target,
                args.start,
                args.end,
                args.codec,
                args.quality,
                weights=args.weights,
                method=args.method,
                strength=args.strength,
                device=args.device,
                detector=args.detector,
                threshold=args.threshold,
                temporal=args.temporal,
                sharp_gate=args.sharp_gate,
            )
        except (ValueError, OSError) as error:  # the other videos can be done
            print(f"smfd: {error}", file=sys.stderr)
            failed += 1
            continue
        print(f"{target}: frames written: {frames}, frames with faces: {with_faces}")
    return exit_code(len(jobs) - failed, failed)


def _import_video() -> Callable[..., tuple[int, int]]:
    with extra("video"):
        from smfd_plugin.vapoursynth.video import deblur_file
    return deblur_file


def _defaults() -> str:
    choices = ((name, codec.quality) for name, codec in CODECS.items())
    return ", ".join(f"{quality} for {name}" for name, quality in choices if quality is not None)
