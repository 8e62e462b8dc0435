import cv2
import numpy as np
import pytest
import torch
from torch import nn

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods.tensors import restorer, to_picture, to_tensor

CPU = torch.device("cpu")


def test_a_network_sees_rgb_and_its_answer_is_read_as_rgb():
    orange = np.full((8, 8, 3), (0, 128, 255), np.uint8)  # BGR
    tensor = to_tensor(orange)
    assert tensor.shape == (1, 3, 8, 8)
    assert tensor[0, :, 0, 0].tolist() == pytest.approx([1, 128 / 255, 0])
    assert (to_picture(tensor) == orange).all()
    without_red = restorer(
        nn.Identity(), lambda _, x: x * x.new([0, 1, 1]).view(3, 1, 1), None, CPU, 0
    )
    assert without_red(Sample(orange))[0, 0].tolist() == [0, 128, 0]


def test_values_out_of_range_are_clamped_and_rounded():
    picture = to_picture(torch.tensor([-0.5, 0.5, 1.5]).view(1, 3, 1, 1))
    assert picture[0, 0].tolist() == [255, 128, 0]
    with pytest.raises(ValueError, match="not finite"):
        to_picture(torch.full((1, 3, 2, 2), float("nan")))


def test_a_face_is_brought_to_the_networks_size_and_back(astronaut):
    sizes = []

    def call(_, lq):
        sizes.append(tuple(lq.shape))
        return lq

    face = astronaut[40:104, 180:244]
    restored = restorer(nn.Identity(), call, 128, CPU, 0)(Sample(face))
    assert sizes == [(1, 3, 128, 128)]
    expected = cv2.resize(cv2.resize(face, (128, 128)), (64, 64), interpolation=cv2.INTER_AREA)
    assert (restored == expected).all()


def test_random_numbers_are_the_same_for_each_face_and_leave_others_alone():
    restore = restorer(nn.Identity(), lambda _, x: torch.rand_like(x), None, CPU, seed=5)
    face = Sample(np.zeros((4, 4, 3), np.uint8))
    torch.manual_seed(1)
    first = restore(face)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.rand(1) == after
    assert (restore(face) == first).all()
