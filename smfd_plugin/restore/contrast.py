"""Faces in the dark, in haze and in faded prints, stretched to the contrast that the network knows.

It was trained on well exposed portraits, and what it makes of others is worse than nothing: dark
eyes where a face is pale, blotches where it is dark. Blur and what undoes it are linear, so that a
stretched face can be restored, and what changed be put back by the same measure.
"""

import torch
from torch import Tensor

CONTRAST = 0.9
"""How far the brightest values of a crop are from the darkest at least, for the network."""

_TAIL = 0.005
"""Part of a crop's values that may be brighter, and part that may be darker."""

_TOP = 0.97
"""Where the brightest values lie that stretching would take beyond."""

_MOST = 16.0
"""How many times values are stretched at most: in 8 bit, from 14 levels."""

_SAMPLES = 64
"""Pixels along each side of a crop that are looked at."""


def stretched(crops: Tensor) -> tuple[Tensor, Tensor]:
    """Crops with the contrast that the network knows.

    Args:
        crops: (N, C, H, W) in [0, 1].

    Returns:
        (N, C, H, W), of which a few values may lie beyond [0, 1], crops of enough contrast as they
        are; and (N, 1, 1, 1), how many times larger than before a change of them is.
    """
    if not len(crops):  # of which there are no quantiles
        return crops, crops.new_ones(0, 1, 1, 1)
    height, width = crops.shape[-2:]
    step = max(1, round((height * width) ** 0.5 / _SAMPLES))
    seen = crops[..., ::step, ::step].flatten(1).float()
    low, high = torch.quantile(seen, seen.new_tensor([_TAIL, 1 - _TAIL]), 1)
    gain = (CONTRAST / (high - low).clamp(min=1e-6)).clamp(1, _MOST)
    excess = (gain * high - high.clamp(min=_TOP)).clamp(min=0)
    gain, excess = gain[:, None, None, None], excess[:, None, None, None]
    return crops * gain - excess, gain
