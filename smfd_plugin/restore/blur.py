"""How blurry a face is, measured from its edges, so that sharp ones can be left alone."""

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.restore import align
from smfd_plugin.restore.blend import gaussian_blur, smoothstep

_MAX_CROP = 512
_SHARP = {128: 1.6, 256: 1.9, 512: 2.2}
"""What the edges of sharp portraits measure in crops of this size, in pixels (the median of 65)."""

_INNER = (0.3, 0.38, 0.7, 0.78)
"""Left, top, right, bottom of what is measured, eyes to mouth, as parts of the crop's side."""

_DENOISE, _REBLUR = 1.0, 2.0
_EDGES = 0.1
"""The part of the pixels, those with the steepest gradients, that count as edges."""

_LEAST_LOSS = 1.01
"""Blurrier edges, of more than 14 pixels, cannot be told from none."""

_SOFTNESS = 0.5
"""The gate opens over this part of its value."""


def measure_blur(luma: Tensor, landmarks: NDArray) -> float:
    """Standard deviation of the Gaussian that would make a sharp face as blurry as this one.

    Edges are blurred once more by a known Gaussian: the less they lose, the blurrier they were
    (Zhuo & Sim, Pattern Recognition 44(9), 2011). This is done in four directions and the largest
    result taken, since motion leaves the edges along its path sharp.

    Args:
        luma: (1, H, W) float, in any linear scale.
        landmarks: (5, 2) of the face, see Detection.

    Returns:
        The deviation in pixels of the picture, or of a 512 pixel crop where that has fewer; 0 for a
        sharp face, at most about 14.

    Raises:
        ValueError: landmarks that make no face.
    """
    size = align.crop_size(align.face_side(landmarks), _MAX_CROP, tuple(_SHARP))
    to_crop = align.picture_to_crop(landmarks, size)
    left, top, right, bottom = (round(part * size) for part in _INNER)
    to_picture = align.shifted(align.inverse(to_crop), (left, top))
    shape = (bottom - top, right - left)
    face = align.warp(luma[None], [to_picture], shape, "reflection")

    smooth = gaussian_blur(face, _DENOISE)
    steeper = _steepness(_gradients(smooth), _gradients(gaussian_blur(smooth, _REBLUR)))
    loss = max(float(steeper.min()), _LEAST_LOSS)
    variance = _REBLUR**2 / (loss**2 - 1) - _DENOISE**2 - _SHARP[size] ** 2
    enlarged = max(1.0, align.scale(to_crop))
    return max(variance, 0.0) ** 0.5 / enlarged


def gate(blur: float, sharp_gate: float) -> float:
    """How much of a face's restoration to blend in: 0 up to a blur of `sharp_gate`, then more and
    more, 1 from half as much again."""
    if sharp_gate <= 0:
        return 1.0
    return smoothstep((blur / sharp_gate - 1) / _SOFTNESS)


def _gradients(x: Tensor) -> Tensor:
    """(4, H * W): magnitudes along the rows, the columns and both diagonals of (1, 1, H, W)."""
    x = F.pad(x, (1,) * 4, mode="replicate")
    across = x[..., 1:-1, 2:] - x[..., 1:-1, :-2]
    down = x[..., 2:, 1:-1] - x[..., :-2, 1:-1]
    diagonals = (across + down) * 0.5**0.5, (across - down) * 0.5**0.5
    return torch.cat((across, down, *diagonals)).abs().flatten(1)


def _steepness(sharp: Tensor, blurred: Tensor) -> Tensor:
    """How many times steeper the edges are before blurring than after, in each direction."""
    count = max(1, int(_EDGES * blurred.shape[1]))
    edges = torch.topk(blurred, count, sorted=False).indices
    return sharp.gather(1, edges).mean(1) / blurred.gather(1, edges).mean(1).clamp(min=1e-9)
