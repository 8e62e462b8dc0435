"""Noise: a sensor's, white and in each colour by itself, or coarser and grey as a film's grain."""

from math import ceil

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


def draw(shape: tuple[int, int, int], seed: int, grain: float, grey: bool) -> NDArray[np.float32]:
    """Noise of mean 0 and standard deviation 1.

    Args:
        shape: (H, W, C).
        seed: of NumPy's generator.
        grain: pixels, standard deviation of the Gaussian that white noise is smoothed by; 0: none.
        grey: the same in all channels.

    Returns:
        (H, W, C) float32, the same at every call.
    """
    height, width, channels = shape
    kernel = _kernel(grain)
    margin = len(kernel) - 1
    drawn = (height + margin, width + margin, 1 if grey else channels)
    white = np.random.default_rng(seed).standard_normal(drawn, np.float32)
    smooth = cv2.sepFilter2D(white, -1, kernel, kernel).reshape(drawn) if margin else white
    reach = margin // 2
    return np.broadcast_to(smooth[reach : reach + height, reach : reach + width], shape)


def draw_like(image: Tensor, seed: int, grain: float, grey: bool) -> Tensor:
    """`draw` on the device of a (C, H, W) float picture, in its shape, with other draws."""
    channels, height, width = image.shape
    kernel = torch.from_numpy(_kernel(grain)).to(image)
    margin = len(kernel) - 1
    drawn = (1 if grey else channels, 1, height + margin, width + margin)
    generator = torch.Generator(image.device).manual_seed(seed)
    white = torch.randn(drawn, generator=generator, device=image.device, dtype=image.dtype)
    smooth = F.conv2d(white, torch.outer(kernel, kernel)[None, None]) if margin else white
    return smooth[:, 0].expand(image.shape)


def _kernel(grain: float) -> NDArray[np.float32]:
    """One side of a separable Gaussian that leaves the strength of white noise as it is."""
    if not grain:
        return np.ones(1, np.float32)
    kernel = cv2.getGaussianKernel(2 * ceil(3 * grain) + 1, grain, cv2.CV_32F)[:, 0]
    return kernel / np.sqrt((kernel**2).sum())
