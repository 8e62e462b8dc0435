"""With two numbers per face in place of Inception's 2048, so that it can be worked out."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from smfd_plugin.benchmark.fid import distance, inception


class Colours(nn.Module):
    """Red and blue, on average."""

    num_features = 2

    def forward(self, x):
        return x.float().mean((2, 3))[:, [0, 2]]


def test_distance_of_the_two_sets(astronaut):
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (12, 16, 16, 3), np.uint8)
    sharp = faces // 2 + rng.integers(0, 64, (12, 1, 1, 3), np.uint8)
    network = FrechetInceptionDistance(Colours(), input_img_size=(3, 16, 16))
    found = distance(network, list(zip(faces, sharp, strict=True)))

    a, b = (each.mean((1, 2))[:, [2, 0]] for each in (faces.astype(float), sharp.astype(float)))
    covariances = np.cov(a.T), np.cov(b.T)
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(
        covariances[0] + covariances[1] - 2 * sqrtm(covariances[0] @ covariances[1]).real
    )
    assert found == pytest.approx(expected, rel=1e-4)
    again = distance(network, list(zip(faces, sharp, strict=True)))
    assert again == pytest.approx(found)


def test_one_face_is_too_few():
    network = FrechetInceptionDistance(Colours(), input_img_size=(3, 16, 16))
    face = np.zeros((16, 16, 3), np.uint8)
    assert distance(network, [(face, face)]) is None


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*inception\.pth"):
        inception(tmp_path / "inception.pth", torch.device("cpu"))
