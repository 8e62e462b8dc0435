"""Black bars at the borders of a picture, as films have them.

They were not there when the picture was blurred, and their edges are sharp: a network that sees
them beside a face estimates another blur.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smfd_plugin.restore.align import Box

_BLACK = 20 / 255
"""Mean of a line from which on it is no bar."""

_EVEN = 8 / 255
"""Standard deviation of its values from which on it is none; compression rings into bars."""

_STEP = 16
"""Lines that are looked at together; most pictures have no bar, and need no more."""


def content_box(frame: Tensor, landmarks: Sequence[NDArray]) -> Box:
    """The picture without bars.

    Args:
        frame: (3, H, W) RGB in [0, 1].
        landmarks: (5, 2) of each of its faces; what one of them lies in is no bar, but the dark.

    Returns:
        left, top, right, bottom in pixels, the last two exclusive; the whole picture if all of it
        is black.
    """
    box = _between_bars(frame)
    if not landmarks:
        return box
    height, width = frame.shape[-2:]
    x, y = np.concatenate(landmarks).T
    left, top, right, bottom = box
    return (
        0 if x.min() < left else left,
        0 if y.min() < top else top,
        width if x.max() >= right else right,
        height if y.max() >= bottom else bottom,
    )


def _between_bars(frame: Tensor) -> Box:
    height, width = frame.shape[-2:]
    rows, columns = frame.transpose(0, 1), frame.transpose(0, 2)
    top, left = _first(rows.split(_STEP)), _first(columns.split(_STEP))
    if top == height or left == width:
        return 0, 0, width, height
    right = width - _first(part.flip(0) for part in reversed(columns.split(_STEP)))
    bottom = height - _first(part.flip(0) for part in reversed(rows.split(_STEP)))
    return left, top, right, bottom


def _first(parts: Iterable[Tensor]) -> int:
    """How many lines there are before the first that is no bar.

    Args:
        parts: (n, ...) lines each, in their order.
    """
    passed = 0
    for lines in parts:
        deviation, mean = torch.std_mean(lines.flatten(1), 1, correction=0)
        is_bar = (mean < _BLACK) & (deviation < _EVEN)  # not where a value is no number
        shown = (~is_bar).nonzero()
        if len(shown):
            return passed + int(shown[0])
        passed += len(lines)
    return passed
