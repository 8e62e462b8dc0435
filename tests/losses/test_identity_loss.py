"""With an embedding network whose answer can be worked out by hand."""

import numpy as np
import pytest
import torch

from smfd_plugin.data.template import ARCFACE_TEMPLATE, FFHQ_TEMPLATE, similarity
from smfd_plugin.losses import IdentityLoss
from smfd_plugin.metrics import calculate_identity

WHOLE = torch.tensor([[0.0, 0.0, 128.0]])
"""The box of a face that is the picture, 128 pixels wide."""


def plain(*colour):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 128, 128)


def ramps(size):
    """A face whose red grows from left to right, and whose green from top to bottom."""
    way = (torch.arange(size) + 0.5) / size
    red, green = way.expand(size, size), way[:, None].expand(size, size)
    return torch.stack((red, green, torch.zeros(size, size)))[None]


@pytest.mark.parametrize("size", [(112, 112), (112, 96), (168, 168)])
def test_is_one_minus_the_cosine_of_the_metric(colour_embedder, size):
    path = colour_embedder(*size)
    image, gt = plain(1.0, 0.0, 0.2), plain(0.8, 1.0, 0.2)
    first, second = np.array([1, -2]), np.array([0.6, 2])
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    loss = IdentityLoss(path, loss_weight=3.0)(image, gt, WHOLE)
    assert loss.item() == pytest.approx(3 * (1 - cosine), abs=1e-5)
    if size[0] == 112:
        faces = (each[0].permute(1, 2, 0).flip(2).numpy() * 255 for each in (image, gt))
        assert cosine == pytest.approx(calculate_identity(*faces, path), abs=1e-5)


@pytest.mark.parametrize("size", [(112, 112), (112, 96), (168, 168)])
def test_looks_where_arcface_does(colour_embedder, size):
    criterion = IdentityLoss(colour_embedder(*size))
    matrix = similarity(ARCFACE_TEMPLATE, FFHQ_TEMPLATE)
    centre = (matrix @ [55.5, 55.5, 1] + 0.5) / 512
    embedding = criterion._embed(ramps(128), WHOLE)[0] / torch.tensor([1, 2])
    assert (embedding + 1) / 2 == pytest.approx(centre, abs=2e-3)


def test_finds_the_face_in_a_crop(colour_embedder):
    criterion = IdentityLoss(colour_embedder())
    crop = ramps(128)[..., 8:, 2:122]
    whole = criterion._embed(ramps(128), WHOLE)
    found = criterion._embed(crop, torch.tensor([[-2.0, -8.0, 128.0]]))
    torch.testing.assert_close(found, whole, rtol=0, atol=1e-5)


def test_what_is_outside_of_the_picture_looks_like_its_edge(colour_embedder):
    criterion = IdentityLoss(colour_embedder())
    picture = plain(0.8, 0.6, 0.2)
    outside = criterion._embed(picture, torch.tensor([[-64.0, 64.0, 128.0]]))
    torch.testing.assert_close(outside, criterion._embed(picture, WHOLE))


def test_fine_patterns_are_smoothed_not_aliased(colour_embedder):
    criterion = IdentityLoss(colour_embedder())
    criterion.embedder = torch.nn.Identity()  # shows what the network sees
    pattern = torch.from_numpy(np.indices((256, 256)).sum(0) % 2).float()
    crop = criterion._embed(pattern.expand(1, 3, 256, 256), 2 * WHOLE)
    assert crop.shape == (1, 3, 112, 112)
    assert crop.abs().max() < 0.1  # grey


def test_gradients_reach_the_picture_alone_and_training_leaves_the_network_as_it_is(
    colour_embedder,
):
    criterion = IdentityLoss(colour_embedder()).train()
    assert not any(module.training for module in criterion.modules())
    image = plain(0.1, 0.8, 0.0).clone().requires_grad_()
    criterion(image, plain(0.8, 0.1, 0.0), WHOLE).backward()
    assert image.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in criterion.parameters())


def test_mistakes_are_named(colour_embedder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no embedding network .*nowhere.onnx; name"):
        IdentityLoss(tmp_path / "nowhere.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ValueError, match=r"text.onnx is no ONNX file to train with"):
        IdentityLoss(tmp_path / "text.onnx")
    with pytest.raises(ValueError, match=r"takes \[0, 3, 112, 64\], not"):
        IdentityLoss(colour_embedder(112, 64))
