"""The size at which the network sees a face.

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
from smfd_plugin.restore.network import run_network

TRAINED_SIDE = 256
"""Side in pixels of the smallest whole faces that the shipped networks were trained on; in smaller
ones they find the parts badly."""

TRAINED_EXTENT = 34.0
"""Pixels that the longest motion spans that they were trained on, with the blur of a lens, see
`deconvolution.extent`."""

_ENLARGED = 1.5
"""How much smaller faces than TRAINED_SIDE are enlarged in pictures at least, but not beyond it."""


def restoration_size(landmarks: NDArray, max_crop: int) -> int:
    """Side of the crop that a face of a picture is restored at, if its blur is short enough: the
    smallest of align.CROP_SIZES that shrinks nothing, but at most `max_crop`; faces of less than
    TRAINED_SIDE are enlarged.

    Args:
        landmarks: (5, 2), see Detection.
        max_crop: one of align.CROP_SIZES.

    Raises:
        ValueError: landmarks that make no face.
    """
    side = align.face_side(landmarks)
    return align.crop_size(max(side, min(_ENLARGED * side, TRAINED_SIDE)), max_crop)


def smaller_size(size: int, extent: float) -> int | None:
    """Side of the crop to restore a face at in place of one of `size`, in which its blur has turned
    out to have this extent: the largest of align.CROP_SIZES in which that is TRAINED_EXTENT at
    most, or the smallest of all. None if it is so already, or if there is no smaller crop."""
    smaller = [side for side in align.CROP_SIZES if side < size]
    if extent <= TRAINED_EXTENT or not smaller:
        return None
    fitting = [side for side in smaller if extent * side <= TRAINED_EXTENT * size]
    return max(fitting, default=smaller[0])


@torch.no_grad()
def run_aligned(net: nn.Module, faces: Tensor, half: bool = False) -> tuple[Tensor, Tensor]:
    """`run_network` for aligned faces of any size, each at the size at which the network sees it
    best. What the network changes in faces of another size, and its mask logits, are resized, not
    the faces.

    Args:
        net, faces, half: see `run_network`.

    Returns:
        Restored faces (N, 3, H, W), not clamped, and mask logits (N, K, H, W), both float32.

    Raises:
        MemoryError: see `run_network`.
    """
    return _run_at(max(TRAINED_SIDE, *faces.shape[-2:]), net, faces, half)


def _run_at(size: int, net: nn.Module, faces: Tensor, half: bool) -> tuple[Tensor, Tensor]:
    """With the longer side of the faces resized to `size`, or a smaller one where need be."""
    height, width = faces.shape[-2:]
    factor = size / max(height, width)
    seen = _resized(faces, *(max(MIN_SIDE, round(factor * side)) for side in (height, width)))
    seen = seen.clamp(0, 1) if factor != 1 else seen
    image, logits, extents = run_network(net, seen, half)
    restored, logits = (
        faces + _resized(image - seen, height, width),
        _resized(logits, height, width),
    )
    sizes = [smaller_size(size, extent) for extent in extents.tolist()]
    for smaller in set(sizes) - {None}:
        chosen = [i for i, each in enumerate(sizes) if each == smaller]
        restored[chosen], logits[chosen] = _run_at(smaller, net, faces[chosen], half)
    return restored, logits


def _resized(images: Tensor, height: int, width: int) -> Tensor:
    before = images.shape[-2:]
    if before == (height, width):
        return images
    if height * width > before[0] * before[1]:
        return F.interpolate(images, (height, width), mode="bicubic", align_corners=False)
    return F.interpolate(images, (height, width), mode="bilinear", antialias=True)
