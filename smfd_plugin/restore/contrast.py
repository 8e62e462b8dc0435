"""Pictures in the dark, in haze, in coloured light and faded prints, stretched to the contrast that
networks know.

SMFD-UNet was trained on well exposed portraits, and what it makes of others is worse than nothing:
dark eyes where a face is pale, blotches where it is dark. In coloured light, which leaves a channel
next to nothing, it gains half as much as in white. Blur and what undoes it are linear, and the same
in each channel, so that a stretched face can be restored, and what changed be put back by the same
measure.
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

_CHANNEL = 0.67
"""Contrast of each channel at least, after stretching, as a part of the strongest one's."""

_MOST = 16.0
"""How many times values are stretched at most: in 8 bit, from 14 levels."""

_SAMPLES = 64
"""Pixels along each side that are looked at."""


def stretched(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures with contrast.

    Args:
        pictures: (N, C, H, W) uint8, or float in [0, 1].

    Returns:
        (N, C, H, W): the same where each has enough contrast, in all channels; else float, with a
        few values beyond [0, 1]. And (N, C, 1, 1), how many times larger than before a change of
        them is.
    """
    n, channels, height, width = pictures.shape
    if not n:  # of which there are no quantiles
        return pictures, torch.ones(0, channels, 1, 1, device=pictures.device)
    step = max(1, round((height * width) ** 0.5 / _SAMPLES))
    seen = _as_float(pictures[..., ::step, ::step]).nan_to_num(0).clamp(0, 1)

    low, high = _ends(seen.flatten(1)[:, None])
    gain = (CONTRAST / (high - low).clamp(min=1e-6)).clamp(1, _MOST)
    excess = _excess(gain, high)

    low, high = _ends((gain * seen - excess).flatten(2))
    contrast = (high - low).clamp(min=1e-6)
    more = (_CHANNEL * contrast.amax(1, keepdim=True) / contrast).clamp(min=1).minimum(_MOST / gain)
    gain, excess = more * gain, more * excess + _excess(more, high)

    if (gain == 1).all():
        return pictures, gain
    return gain * _as_float(pictures) - excess, gain


def _ends(values: Tensor) -> Tensor:
    """(2, N, C, 1, 1): the darkest and the brightest of values (N, C, V), all but the tails."""
    return torch.quantile(values, values.new_tensor([_TAIL, 1 - _TAIL]), 2)[..., None, None]


def _excess(gain: Tensor, high: Tensor) -> Tensor:
    """What is to be taken from stretched values so that the brightest do not go beyond the top."""
    return (gain * high - high.clamp(min=_TOP)).clamp(min=0)


def _as_float(pictures: Tensor) -> Tensor:
    return to_dtype(pictures, torch.float32, scale=True)
