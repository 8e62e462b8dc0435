"""One crop from several frames: the neighbours' crops, registered to it and averaged into it.

Noise and blur differ from frame to frame; what they have in common is the face. So the network sees
less noise, and its result changes less from frame to frame.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.restore.align import Matrix
from smfd_plugin.restore.blend import gaussian_blur

_SIDE = 128
"""Pixels of the pictures that motion is measured in: what landmarks leave of it is coarse."""

_SMOOTH = 1.5
"""Deviation of a Gaussian, in those pixels, that hides noise and differences of blur."""

_TOLERANCE = 0.05
"""Difference of brightness, of 1, at which a neighbour counts for only a third."""


def fuse(crop: Tensor, others: Sequence[tuple[Tensor, Matrix]]) -> Tensor:
    """The crop, averaged with its neighbours where they show the same.

    Args:
        crop: (3, S, S) RGB in [0, 1].
        others: other frames, (3, H, W), and the matrix from the crop to where the face is in them.

    Returns:
        (3, S, S).
    """
    if not others:
        return crop
    here = _small(crop)
    moved = torch.stack([_register(crop.shape[-1], here, *other) for other in others])
    difference = F.interpolate((moved - crop).mean(1, keepdim=True), (_SIDE, _SIDE), mode="area")
    difference = gaussian_blur(difference, _SMOOTH) / _TOLERANCE
    weights = F.interpolate(torch.exp(-difference.square()), crop.shape[-2:], mode="bilinear")
    return (crop + (weights * moved).sum(0)) / (1 + weights.sum(0))


def _register(size: int, here: NDArray[np.uint8], frame: Tensor, to_frame: Matrix) -> Tensor:
    """(3, S, S) of the frame, each pixel where the crop shows it.

    Args:
        size: S.
        here: the small picture of the crop.
        frame, to_frame: see `fuse`.
    """
    pool = max(1, round(float(np.hypot(*to_frame[:, 0])) * size / _SIDE))
    shrunk = F.avg_pool2d(frame[None], pool)[0]
    from_small = _resized(to_frame, size / _SIDE, 1 / pool)
    flow = _flow(here, _small(_sample(shrunk, from_small, _SIDE)))
    shift = torch.from_numpy(flow)[None].to(frame.device) * (size / _SIDE)
    return _sample(frame, to_frame, size, F.interpolate(shift, (size, size), mode="bilinear")[0])


def _resized(matrix: Matrix, source: float, target: float) -> Matrix:
    """The matrix between pictures of other sizes: a pixel of the new source is `source` pixels of
    the old one, a pixel of the old target `target` pixels of the new one. Corners stay corners."""
    turn = matrix[:, :2] * source * target
    shift = (matrix[:, :2].sum(1) * (source - 1) / 2 + matrix[:, 2] + 0.5) * target - 0.5
    return np.hstack((turn, shift[:, None]))


def _small(crop: Tensor) -> NDArray[np.uint8]:
    grey = F.interpolate(crop.mean(0)[None, None], (_SIDE, _SIDE), mode="area")
    grey = gaussian_blur(grey, _SMOOTH)[0, 0].clamp(0, 1)
    return (grey * 255).round().byte().cpu().numpy()


def _flow(to: NDArray[np.uint8], source: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(2, H, W): where each pixel is found in the source, relative to its own place."""
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = cv2.GaussianBlur(search.calc(to, source, None), (0, 0), 2 * _SMOOTH)
    return np.ascontiguousarray(flow.transpose(2, 0, 1))


def _sample(frame: Tensor, to_frame: Matrix, size: int, shift: Tensor | None = None) -> Tensor:
    """(C, S, S) of a (C, H, W) frame, bilinear; `shift` (2, S, S) is added to a pixel's place
    before the matrix carries it to the frame."""
    height, width = frame.shape[-2:]
    at = torch.arange(size, dtype=frame.dtype, device=frame.device)
    x, y = at.expand(size, size), at[:, None].expand(size, size)
    if shift is not None:
        x, y = x + shift[0], y + shift[1]
    (a, b, c), (d, e, f) = to_frame.tolist()
    grid = torch.stack(
        [
            (a * x + b * y + c + 0.5) * (2 / width) - 1,
            (d * x + e * y + f + 0.5) * (2 / height) - 1,
        ],
        -1,
    )
    return F.grid_sample(frame[None], grid[None], "bilinear", "reflection", align_corners=False)[0]
