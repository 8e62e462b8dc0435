"""What a method costs: parameters, operations, time and memory for one face."""

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import cv2
import torch

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods import Method
from smfd_plugin.benchmark.operations import count_operations, count_parameters
from smfd_plugin.benchmark.timing import median_seconds
from smfd_plugin.common import memory


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

    Time is taken last: the runs before, which count operations and memory, warm the methods up.

    Args:
        methods: by name.
        sample: the face.
        rounds: how often the time of each is taken, see median_seconds.
        device: where the methods' networks are.
    """
    flops = {name: count_flops(method, sample) for name, method in methods.items()}
    held = {name: peak_memory(method, sample, device) for name, method in methods.items()}
    # What a method restores ends on the CPU, so the device is done by then.
    runs = {name: partial(method.restore, sample) for name, method in methods.items()}
    seconds = median_seconds(runs, rounds)
    return {
        name: Cost(
            None if method.net is None else count_parameters(method.net),
            flops[name],
            1000 * seconds[name],
            held[name],
        )
        for name, method in methods.items()
    }


def count_flops(method: Method, sample: Sample) -> int | None:
    """Operations of the method's network, see count_operations."""
    return None if method.net is None else count_operations(method.restore, sample)


def peak_memory(method: Method, sample: Sample, device: torch.device) -> float | None:
    """MiB of the weights and of what is held beside them while a face is restored: on a GPU, by
    torch; on the CPU, by how far the process grows, which only Linux tells. None: unknown.

    Args:
        method: it restores the face once.
        sample: the face.
        device: where the method's network is.
    """
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
    gc.collect()
    memory.give_back()  # the C library keeps freed memory, in which a method would grow unseen
    try:
        memory.forget_peak()
        before = memory.resident()
    except OSError:
        return None
    method.restore(sample)
    return max(0, memory.peak() - before)
