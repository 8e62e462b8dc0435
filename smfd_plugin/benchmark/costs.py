"""What a method costs: parameters, operations, time and memory for one face."""

import ctypes
import gc
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import torch
from tqdm import tqdm

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods import Method
from smfd_plugin.benchmark.operations import count_operations


@dataclass(frozen=True)
class Cost:
    """Of one method, for one face; None: it has no such thing, or it cannot be measured here.

    Attributes:
        parameters: numbers in its network.
        flops: additions and multiplications, counted separately, in convolutions, matrix products
            and attention.
        milliseconds: the median.
        mebibytes: its weights and the most memory that it held beside them.
    """

    parameters: int | None
    flops: int | None
    milliseconds: float
    mebibytes: float | None


def resized(sample: Sample, size: int) -> Sample:
    """The blurry face at `size` pixels, with its scenario."""
    return Sample(cv2.resize(sample.lq, (size, size)), scenario=sample.scenario)


def measure_costs(
    methods: Mapping[str, Method], sample: Sample, rounds: int, device: torch.device
) -> dict[str, Cost]:
    """Costs of all methods on one face.

    Time is taken in rotation, each method once a round, so that a machine that is slow for a while
    is slow for all. The runs before, which count operations and memory, warm the methods up.
    """
    flops = {name: count_flops(method, sample) for name, method in methods.items()}
    memory = {name: peak_memory(method, sample, device) for name, method in methods.items()}
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in tqdm(range(rounds), desc="timing", unit="round"):
        for name, method in methods.items():
            start = time.perf_counter()
            method.restore(sample)  # ends with a copy to the CPU, so the device is done by then
            times[name].append(1000 * (time.perf_counter() - start))
    return {
        name: Cost(count_parameters(method), flops[name], median(times[name]), memory[name])
        for name, method in methods.items()
    }


def count_parameters(method: Method) -> int | None:
    """Numbers in the method's network."""
    return method.net and sum(value.numel() for value in method.net.parameters())


def count_flops(method: Method, sample: Sample) -> int | None:
    """Operations of the method's network, see count_operations."""
    return None if method.net is None else count_operations(method.restore, sample)


def peak_memory(method: Method, sample: Sample, device: torch.device) -> float | None:
    """MiB of the weights and of what is held beside them while a face is restored: on a GPU, by
    torch; on the CPU, by how far the process grows, which only Linux tells."""
    weights = sum(value.nbytes for value in method.net.state_dict().values()) if method.net else 0
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        method.restore(sample)
        held = torch.cuda.max_memory_allocated(device) - before
    else:
        held = _growth(method, sample)
    return None if held is None else (weights + held) / 2**20


def _growth(method: Method, sample: Sample) -> int | None:
    """Bytes by which the process grows meanwhile; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    gc.collect()
    # The C library keeps freed memory, in which a later method would grow unseen.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to the present size
    except OSError:
        return None
    before = _status("VmRSS")
    method.restore(sample)
    return max(0, _status("VmHWM") - before)


def _status(key: str) -> int:
    """A size of this process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"no {key} in /proc/self/status")
