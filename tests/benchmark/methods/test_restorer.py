from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods import Context
from smfd_plugin.benchmark.methods.restorer import restorer

CONTEXT = Context(torch.device("cpu"), Path("weights"), seed=5)


def test_a_network_sees_rgb_and_its_answer_is_read_as_rgb():
    orange = np.full((8, 8, 3), (0, 128, 255), np.uint8)  # BGR
    keep = torch.tensor([0, 1, 1]).view(3, 1, 1)
    without_red = restorer(nn.Identity(), lambda _, x: x * keep, None, CONTEXT)
    assert without_red(Sample(orange))[0, 0].tolist() == [0, 128, 0]


def test_a_face_is_brought_to_the_networks_size_and_back(astronaut):
    sizes = []

    def call(_, lq):
        sizes.append(tuple(lq.shape))
        return lq

    face = astronaut[40:104, 180:244]
    restored = restorer(nn.Identity(), call, 128, CONTEXT)(Sample(face))
    assert sizes == [(1, 3, 128, 128)]
    expected = cv2.resize(cv2.resize(face, (128, 128)), (64, 64), interpolation=cv2.INTER_AREA)
    assert (restored == expected).all()
    large = restorer(nn.Identity(), call, 32, CONTEXT)(Sample(face))
    small = cv2.resize(face, (32, 32), interpolation=cv2.INTER_AREA)
    assert (large == cv2.resize(small, (64, 64))).all()


@pytest.mark.parametrize("size", [None, 32, 128])
def test_a_network_that_changes_the_size_is_refused(size):
    restore = restorer(nn.Upsample(scale_factor=2), lambda net, x: net(x), size, CONTEXT)
    given = size or 64
    sizes = f"{2 * given}x{2 * given} for one of {given}x{given}; "
    with pytest.raises(ValueError, match=f"gave a picture of {sizes}"):
        restore(Sample(np.zeros((64, 64, 3), np.uint8)))


def test_random_numbers_are_the_same_for_each_face_and_leave_others_alone():
    restore = restorer(nn.Identity(), lambda _, x: torch.rand_like(x), None, CONTEXT)
    face = Sample(np.zeros((4, 4, 3), np.uint8))
    torch.manual_seed(1)
    first = restore(face)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.rand(1) == after
    assert (restore(face) == first).all()
