"""Faces and stand-ins for the network, whose effect is known exactly."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from smfd_plugin.restore import Detection, make_detector


class StandIn(nn.Module):
    """Calls a function on the crop, and calls an oval in it a head.

    Args:
        change: from (N, 3, S, S) to the same.
        log_kernel: from (N, 3, S, S) to the logarithm of the blur's kernel; None: not estimated.
    """

    def __init__(self, change, log_kernel=None):
        super().__init__()
        self.change = change
        self.log_kernel = log_kernel

    def forward(self, lq: Tensor, return_masks: bool = True, return_kernel: bool = True):
        y = torch.linspace(-1, 1, lq.shape[-2])[:, None]
        x = torch.linspace(-1, 1, lq.shape[-1])
        head = ((x / 0.7) ** 2 + ((y - 0.1) / 0.8) ** 2 < 1).float()
        logits = torch.zeros(len(lq), 7, *lq.shape[-2:])
        logits[:, 0] = 20 * (1 - 2 * head)
        return self.change(lq), logits, self.log_kernel and self.log_kernel(lq)


@pytest.fixture
def stand_in():
    """Makes a StandIn."""
    return StandIn


@pytest.fixture(scope="session")
def tiny_detector():
    return make_detector("tiny")


@pytest.fixture
def frame(astronaut) -> Tensor:
    """The portrait as (3, 512, 512) float32 RGB in [0, 1]."""
    return to_frame(astronaut)


@pytest.fixture
def face(frame, tiny_detector) -> Detection:
    (found,) = tiny_detector(frame)
    return found


def to_frame(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1).float() / 255


@pytest.fixture
def stored() -> Callable[[Path], NDArray]:
    """Reads pixels as they stand in a file, BGR."""

    def read(path: Path) -> NDArray:
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if path.suffix == ".tif" and pixels.dtype == np.uint8 and pixels.shape[2:] == (4,):
            # OpenCV multiplies these by their transparency.
            return cv2.cvtColor(np.asarray(Image.open(path)), cv2.COLOR_RGBA2BGRA)
        return pixels

    return read
