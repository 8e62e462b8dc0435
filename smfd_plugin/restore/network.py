"""Running the network on crops: device, precision, memory."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TRAINED_SIDE = 256
"""Side in pixels of the smallest whole faces that the shipped networks were trained on; in smaller
ones they find the parts badly."""

MAX_BATCH_PIXELS = 4 * 512 * 512
"""Pixels in one batch; larger ones cost memory and gain no speed."""


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


@torch.no_grad()
def run_network(net: nn.Module, crops: Tensor, half: bool = False) -> tuple[Tensor, Tensor]:
    """Restores crops, in batches that fit into memory.

    A crop whose result is not finite is done again in float32; if it is not finite then either, it
    is given back unchanged.

    Args:
        net: a network called as `net(lq, return_masks=True)`.
        crops: (N, 3, H, W) float32 RGB in [0, 1] on the network's device.
        half: compute in 16 bits, where the device is faster so.

    Returns:
        Restored crops (N, 3, H, W), not clamped, and mask logits (N, K, H, W), both float32.

    Raises:
        MemoryError: not even one crop fits into the device's memory.
    """
    if not len(crops):  # a network cannot run on nothing, but its outputs have shapes
        restored, logits = run_network(net, crops.new_zeros(1, *crops.shape[1:]))
        return restored[:0], logits[:0]
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
    restored, logits = zip(*results, strict=True)
    return torch.cat(restored), torch.cat(logits)


@torch.no_grad()
def run_enlarged(net: nn.Module, faces: Tensor, half: bool = False) -> tuple[Tensor, Tensor]:
    """`run_network` for aligned faces of any size: smaller ones than TRAINED_SIDE are enlarged to
    it, and what the network changes in them, and its mask logits, are shrunk again.

    Args, returns and raises: as `run_network`.
    """
    height, width = faces.shape[-2:]
    factor = TRAINED_SIDE / max(height, width)
    if factor <= 1:
        return run_network(net, faces, half)
    shape = round(factor * height), round(factor * width)
    large = F.interpolate(faces, shape, mode="bicubic", align_corners=False).clamp(0, 1)
    restored, logits = run_network(net, large, half)
    return faces + _shrink(restored - large, height, width), _shrink(logits, height, width)


def _shrink(images: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(images, (height, width), mode="bilinear", antialias=True)


def _run_finite(net: nn.Module, crops: Tensor, dtype: torch.dtype | None) -> tuple[Tensor, Tensor]:
    lq = crops.contiguous(memory_format=torch.channels_last)  # faster, above all in 16 bits
    with torch.autocast(crops.device.type, dtype, enabled=dtype is not None):
        restored, logits = (output.float().contiguous() for output in net(lq, return_masks=True))
    finite = _is_finite(restored, logits)
    if finite.all():
        return restored, logits
    if dtype is not None:
        restored[~finite], logits[~finite] = _run_finite(net, crops[~finite], None)
        return restored, logits
    unchanged = ~finite[:, None, None, None]
    return torch.where(unchanged, crops, restored), torch.where(unchanged, 0.0, logits)


def _is_finite(restored: Tensor, logits: Tensor) -> Tensor:
    return torch.isfinite(restored).flatten(1).all(1) & torch.isfinite(logits).flatten(1).all(1)
