import numpy as np
import pytest
import torch

from smfd_plugin.benchmark.helper_loop import helper_loop
from smfd_plugin.benchmark.moving_faces import from_clip, to_clip
from smfd_plugin.benchmark.stages import STAGES, Stopwatch
from smfd_plugin.restore import make_detector


def test_the_loop_restores_the_face(film, stub_net):
    watch = Stopwatch()
    clip = to_clip(film.sharp)
    looped = from_clip(helper_loop(clip, stub_net, make_detector("tiny"), watch))
    change = np.abs(looped[1].astype(int) - from_clip(clip)[1]).max(-1)
    assert change[100:140, 130:190].mean() > 10
    assert change[:, :30].max() <= 2
    assert set(watch.seconds) == set(STAGES) - {"fuse"}


@pytest.fixture
def stub_net():
    """Makes the whole crop darker."""

    class Darker(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.by = torch.nn.Parameter(torch.tensor(0.1))

        def forward(self, crop, return_masks, return_kernel):
            return crop - self.by, torch.zeros(len(crop), 7, *crop.shape[-2:]), None

    return Darker()
