"""The size at which the network sees a face, and its contrast.

It knows whole faces from 256 pixels on, and motion of up to 31 pixels, whatever the size. So small
faces are enlarged for it, and those are shrunk in which it finds longer motion, which a smaller
face is blurred by fewer pixels of.
"""

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.archs.smfd_unet_arch import MIN_SIDE
from smfd_plugin.restore import align
from smfd_plugin.restore.contrast import stretched
from smfd_plugin.restore.network import run_network

TRAINED_SIDE = 256
"""Side in pixels of the smallest whole faces that the shipped networks were trained on; in smaller
ones they find the parts badly."""

TRAINED_EXTENT = 34.0
"""Pixels that the longest motion spans that they were trained on, with the blur of a lens."""

_ENLARGED = 1.5
"""How much smaller faces than TRAINED_SIDE are enlarged in pictures at least, but not beyond it."""


def restoration_size(landmarks: NDArray, max_crop: int) -> int:
    """Side of the crop that a face of a picture is restored in: the smallest of align.CROP_SIZES
    that shrinks nothing, but at most `max_crop`; faces of less than TRAINED_SIDE are enlarged.

    Args:
        landmarks: (5, 2), see Detection.
        max_crop: one of align.CROP_SIZES.

    Raises:
        ValueError: landmarks that make no face.
    """
    side = align.face_side(landmarks)
    return align.crop_size(max(side, min(_ENLARGED * side, TRAINED_SIDE)), max_crop)


def smaller_size(size: int, extent: float) -> int | None:
    """Side at which to restore a crop of this size, once more, whose blur has turned out to have
    this extent: the largest of align.CROP_SIZES at which that is TRAINED_EXTENT at most, or the
    smallest of all. None if it is so already, or if there is no smaller one."""
    smaller = [side for side in align.CROP_SIZES if side < size]
    if extent <= TRAINED_EXTENT or not smaller:
        return None
    fitting = [side for side in smaller if extent * side <= TRAINED_EXTENT * size]
    return max(fitting, default=smaller[0])


@torch.no_grad()
def run_aligned(net: nn.Module, faces: Tensor, half: bool = False) -> tuple[Tensor, Tensor]:
    """`run_fitted` for aligned faces of any size: smaller ones than TRAINED_SIDE are enlarged to
    it, and what the network changes in them, and its mask logits, are shrunk again.

    Args, returns and raises: as `run_fitted`.
    """
    height, width = faces.shape[-2:]
    factor = TRAINED_SIDE / max(height, width)
    if factor <= 1:
        return run_fitted(net, faces, half)
    large = _resized(faces, round(factor * height), round(factor * width)).clamp(0, 1)
    restored, logits = run_fitted(net, large, half)
    return faces + _resized(restored - large, height, width), _resized(logits, height, width)


@torch.no_grad()
def run_fitted(net: nn.Module, crops: Tensor, half: bool = False) -> tuple[Tensor, Tensor]:
    """`run_network` on crops of the contrast that the network knows (see `contrast`), and once more
    on these shrunk where their blur turns out to be longer than it knows. The second result takes
    the place of the first, all but the detail that it is too small for.

    Args:
        net, crops, half: see `run_network`.

    Returns:
        Restored crops (N, 3, H, W), not clamped, and mask logits (N, K, H, W), both float32.

    Raises:
        MemoryError: see `run_network`.
    """
    seen, gain = stretched(crops)
    image, logits = _run_shrunk_too(net, seen, half)
    return crops + (image - seen) / gain, logits


def _run_shrunk_too(net: nn.Module, crops: Tensor, half: bool) -> tuple[Tensor, Tensor]:
    image, logits, extents = run_network(net, crops, half)
    height, width = crops.shape[-2:]
    longer = max(height, width)
    sizes = [smaller_size(longer, extent) for extent in extents.tolist()]
    for size in set(sizes) - {None}:
        chosen = [i for i, each in enumerate(sizes) if each == size]
        shape = [max(MIN_SIDE, round(size / longer * side)) for side in (height, width)]
        small, parts = _run_shrunk_too(net, _resized(crops[chosen], *shape), half)
        image[chosen] += _resized(small - _resized(image[chosen], *shape), height, width)
        logits[chosen] = _resized(parts, height, width)
    return image, logits


def _resized(images: Tensor, height: int, width: int) -> Tensor:
    if height * width > images.shape[-2] * images.shape[-1]:
        return F.interpolate(images, (height, width), mode="bicubic", align_corners=False)
    return F.interpolate(images, (height, width), mode="bilinear", antialias=True)
