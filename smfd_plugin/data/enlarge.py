"""Pictures that were stored smaller than they are seen: shrunk, and enlarged again."""

from functools import lru_cache
from math import ceil

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smfd_plugin.data.kernels import Kernel

INTERPOLATIONS = {
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}
"""How pictures are enlarged."""


def shrunk_size(size: int, factor: float) -> int:
    """Pixels that are left of `size` when they are shrunk by `factor`, at least one."""
    return max(1, round(size / factor))


def shrink(image: NDArray, factor: float) -> NDArray:
    """A (H, W, 3) picture with its sides `factor` times shorter: each pixel is the mean of the
    area it covers."""
    if factor == 1:
        return image
    height, width = (shrunk_size(size, factor) for size in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def enlarge(image: NDArray, shape: tuple[int, ...], interpolation: str) -> NDArray:
    """A (H, W, 3) picture at the height and width that `shape` begins with, where it has another;
    `cubic` and `lanczos` overshoot at edges, which whole numbers cut off."""
    if image.shape[:2] == shape[:2]:
        return image
    return cv2.resize(image, shape[1::-1], interpolation=INTERPOLATIONS[interpolation])


def resize_batch(images: Tensor, size: tuple[int, int], interpolation: int) -> Tensor:
    """A batch on its device, resized as OpenCV does it.

    Args:
        images: (N, C, H, W) float.
        size: height and width of the result.
        interpolation: OpenCV's number, of INTERPOLATIONS or cv2.INTER_AREA.

    Returns:
        (N, C, *size).
    """
    if images.shape[-2:] == size:
        return images
    rows, columns = (
        _resizing(before, after, interpolation).to(images)
        for before, after in zip(images.shape[-2:], size, strict=True)
    )
    return rows @ images @ columns.T


def resampling_reach(factor: float) -> int:
    """Pixels from which shrinking by `factor` and enlarging again fetch what they make of one: half
    an area and two pixels of the small picture. (What `lanczos` fetches from beyond is little.)"""
    return 0 if factor == 1 else ceil(2.5 * factor)


@lru_cache(maxsize=256)
def resampling_kernel(factor: float, interpolation: str) -> Kernel:
    """What shrinking by `factor` and enlarging again make of a point, in the mean over where it
    lies, without what is below zero: odd-sized, float32, sum 1."""
    reach = resampling_reach(factor)
    side = 24 * ceil(factor)
    small = shrunk_size(side, factor)
    seen = _resizing(small, side, INTERPOLATIONS[interpolation]) @ _resizing(
        side, small, cv2.INTER_AREA
    )
    points = range(side // 4, 3 * side // 4)  # far from the edges, each position as often
    profile = np.mean([seen[i - reach : i + reach + 1, i] for i in points], axis=0).clip(min=0)
    kernel = np.outer(profile, profile)
    return (kernel / kernel.sum()).astype(np.float32)


@lru_cache(maxsize=256)
def _resizing(before: int, after: int, interpolation: int) -> Tensor:
    """What resizing does to one side, as an (after, before) matrix: OpenCV's answer to each pixel
    alone."""
    pixels = np.eye(before, dtype=np.float32)
    return torch.from_numpy(cv2.resize(pixels, (before, after), interpolation=interpolation))
