"""Pictures in the dark, in haze and faded prints, stretched to the contrast that networks know.

SMFD-UNet was trained on well exposed portraits, and what it makes of others is worse than nothing:
dark eyes where a face is pale, blotches where it is dark. Blur and what undoes it are linear, so
that a stretched face can be restored, and what changed be put back by the same measure.
"""

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import to_dtype

CONTRAST = 0.9
"""How far the brightest values are from the darkest at least, after stretching."""

_TAIL = 0.005
"""Part of the values that may be brighter, and part that may be darker."""

_TOP = 0.97
"""Where the brightest values lie that stretching would take beyond."""

_MOST = 16.0
"""How many times values are stretched at most: in 8 bit, from 14 levels."""

_SAMPLES = 64
"""Pixels along each side that are looked at."""


def stretched(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures with contrast.

    Args:
        pictures: (N, C, H, W) uint8, or float in [0, 1].

    Returns:
        (N, C, H, W): the same where each has enough contrast; else float, with a few values beyond
        [0, 1]. And (N, 1, 1, 1), how many times larger than before a change of them is.
    """
    if not len(pictures):  # of which there are no quantiles
        return pictures, torch.ones(0, 1, 1, 1, device=pictures.device)
    height, width = pictures.shape[-2:]
    step = max(1, round((height * width) ** 0.5 / _SAMPLES))
    seen = _as_float(pictures[..., ::step, ::step]).flatten(1).nan_to_num(0).clamp(0, 1)
    low, high = torch.quantile(seen, seen.new_tensor([_TAIL, 1 - _TAIL]), 1)
    gain = (CONTRAST / (high - low).clamp(min=1e-6)).clamp(1, _MOST)
    excess = (gain * high - high.clamp(min=_TOP)).clamp(min=0)
    gain, excess = gain[:, None, None, None], excess[:, None, None, None]
    if (gain == 1).all():
        return pictures, gain
    return _as_float(pictures) * gain - excess, gain


def _as_float(pictures: Tensor) -> Tensor:
    return to_dtype(pictures, torch.float32, scale=True)
