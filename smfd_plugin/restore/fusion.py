"""One crop from several frames: the neighbours' crops, registered to it and averaged into it.

Noise and blur differ from frame to frame; what they have in common is the face. So the network sees
less noise, and its result changes less from frame to frame.
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.restore.blend import gaussian_blur

_SIDE = 128
"""Pixels of the pictures that motion is measured in: what landmarks leave of it is coarse."""

_SMOOTH = 1.5
"""Deviation of a Gaussian, in those pixels, that hides noise and differences of blur."""

_TOLERANCE = 0.035
"""Difference of brightness, of 1, at which a neighbour counts for only a third."""


def fuse(crop: Tensor, others: Tensor) -> Tensor:
    """The crop, averaged with the neighbours where they show the same.

    Args:
        crop: (3, S, S) RGB in [0, 1].
        others: (K, 3, S, S), the same face, aligned by its landmarks, in other frames.

    Returns:
        (3, S, S).
    """
    if not len(others):
        return crop
    flows = np.stack([_flow(_small(crop), _small(other)) for other in others])
    moved = _move(others, torch.from_numpy(flows).to(crop.device))
    difference = F.interpolate((moved - crop).mean(1, keepdim=True), (_SIDE, _SIDE), mode="area")
    difference = gaussian_blur(difference, _SMOOTH) / _TOLERANCE
    weights = F.interpolate(torch.exp(-difference.square()), crop.shape[-2:], mode="bilinear")
    return (crop + (weights * moved).sum(0)) / (1 + weights.sum(0))


def _small(crop: Tensor) -> NDArray[np.uint8]:
    grey = F.interpolate(crop.mean(0)[None, None], (_SIDE, _SIDE), mode="area")
    grey = gaussian_blur(grey, _SMOOTH)[0, 0]
    return (grey * 255).round().byte().cpu().numpy()


def _flow(to: NDArray[np.uint8], source: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(2, H, W): where each pixel is found in the source, relative to its own place."""
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = cv2.GaussianBlur(search.calc(to, source, None), (0, 0), 2 * _SMOOTH)
    return np.ascontiguousarray(flow.transpose(2, 0, 1))


def _move(images: Tensor, flows: Tensor) -> Tensor:
    """(K, 3, S, S), each pixel taken from where the (K, 2, H, W) flow says, in its pixels."""
    size = images.shape[-1]
    shift = F.interpolate(flows, (size, size), mode="bilinear").movedim(1, -1) * (2 / _SIDE)
    identity = torch.eye(2, 3, device=images.device).expand(len(images), -1, -1)
    grid = F.affine_grid(identity, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid + shift, "bicubic", "reflection", align_corners=False)
