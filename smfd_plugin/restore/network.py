"""Running the network on crops: device, precision, memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from smfd_plugin.archs import deconvolution

MAX_BATCH_PIXELS = 4 * 512 * 512
"""Pixels in one batch; larger ones cost memory and gain no speed."""


class Restored(NamedTuple):
    """What a network makes of crops, all of it float32.

    Attributes:
        image: (N, 3, H, W), not clamped.
        logits: (N, K, H, W) of the masks.
        extent: (N,) pixels that the blur spans, see `deconvolution.extent`; 0 where the network
            does not estimate its kernel.
    """

    image: Tensor
    logits: Tensor
    extent: Tensor


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; `auto` is the GPU if there is one, else the CPU.

    Raises:
        ValueError: no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"device {name!r} is not supported; use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ValueError(f"no device {name!r} here: torch sees {count} CUDA device(s)")
    return device


def half_dtype(device: torch.device) -> torch.dtype | None:
    """The 16 bit type in which the device is faster than in float32, if there is one."""
    if device.type == "cuda":
        return torch.float16 if torch.cuda.get_device_capability(device) >= (7, 0) else None
    abilities = torch.cpu.get_capabilities()
    return torch.bfloat16 if abilities.get("avx512_bf16") or abilities.get("amx_bf16") else None


@contextmanager
def memory_of(device: torch.device) -> Iterator[None]:
    """Where it lacks memory, raises MemoryError, which torch has another exception for."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(
            f"{device} lacks memory; use the CPU, or leave it less to do at a time"
        ) from error


def to_device(net: nn.Module, device: torch.device) -> nn.Module:
    """The network, moved to the device. Raises MemoryError if it has no room for it."""
    with memory_of(device):
        return net.to(device)


@torch.no_grad()
def run_network(net: nn.Module, crops: Tensor, half: bool = False) -> Restored:
    """Restores crops, in batches that fit into memory.

    A crop whose result is not finite is done again in float32; if it is not finite then either, it
    is given back unchanged.

    Args:
        net: a network called as `net(lq, return_masks=True, return_kernel=True)`.
        crops: (N, 3, H, W) float32 RGB in [0, 1] on the network's device.
        half: compute in 16 bits, where the device is faster so.

    Raises:
        MemoryError: not even one crop fits into the device's memory.
    """
    if not len(crops):  # a network cannot run on nothing, but its outputs have shapes
        one = run_network(net, crops.new_zeros(1, *crops.shape[1:]))
        return Restored(*(output[:0] for output in one))
    dtype = half_dtype(crops.device) if half else None
    batch = max(1, MAX_BATCH_PIXELS // (crops.shape[-1] * crops.shape[-2]))
    results = []
    start = 0
    while start < len(crops):
        part = crops[start : start + batch]
        try:
            results.append(_run_finite(net, part, dtype))
        except torch.OutOfMemoryError as error:
            if len(part) == 1:
                height, width = part.shape[-2:]
                raise MemoryError(
                    f"a face of {width}x{height} pixels does not fit into the memory of "
                    f"{crops.device}; use smaller crops or the CPU"
                ) from error
            batch = len(part) // 2
            continue
        start += len(part)
    return Restored(*(torch.cat(outputs) for outputs in zip(*results, strict=True)))


def _run_finite(net: nn.Module, crops: Tensor, dtype: torch.dtype | None) -> Restored:
    result = _run(net, crops, dtype)
    finite = _is_finite(result)
    if finite.all():
        return result
    broken = crops[~finite]
    instead = (broken, 0.0, 0.0) if dtype is None else _run_finite(net, broken, None)
    for output, values in zip(result, instead, strict=True):
        output[~finite] = values
    return result


def _run(net: nn.Module, crops: Tensor, dtype: torch.dtype | None) -> Restored:
    lq = crops.contiguous(memory_format=torch.channels_last)  # faster, above all in 16 bits
    with torch.autocast(crops.device.type, dtype, enabled=dtype is not None):
        image, logits, kernel = net(lq, return_masks=True, return_kernel=True)
    image, logits = (output.float().contiguous() for output in (image, logits))
    extent = image.new_zeros(len(crops)) if kernel is None else deconvolution.extent(kernel)
    return Restored(image, logits, extent)


def _is_finite(result: Restored) -> Tensor:
    """(N,), whether all of a crop's outputs are."""
    each = [torch.isfinite(output).flatten(1).all(1) for output in result[:2]]
    return torch.isfinite(result.extent) & each[0] & each[1]
