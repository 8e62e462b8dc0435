import lpips
import pytest
import torch
from torch.nn import functional as F
from torchvision.models import vgg

from smfd_plugin.losses import FeatureLoss

CONVOLUTIONS = {"1": ("0", "2"), "2": ("5", "7")}
"""Layers of VGG16's first two stages."""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """VGG16's first two stages with random weights, as torchvision names them."""
    torch.manual_seed(0)
    state = vgg.make_layers(vgg.cfgs["D"])[:9].state_dict()
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save({f"features.{name}": value for name, value in state.items()}, path)
    return path


def test_is_the_mean_distance_of_unit_feature_vectors(file):
    weights = torch.load(file)
    image, gt = torch.rand(2, 2, 3, 16, 16)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    x, y = (image - mean) / std, (gt - mean) / std
    expected = 0
    for stage in ("1", "2"):
        if stage == "2":
            x, y = F.max_pool2d(x, 2), F.max_pool2d(y, 2)
        for layer in CONVOLUTIONS[stage]:
            kernel, bias = (weights[f"features.{layer}.{name}"] for name in ("weight", "bias"))
            x, y = (F.conv2d(each, kernel, bias, padding=1).relu() for each in (x, y))
        expected += (lpips.normalize_tensor(x) - lpips.normalize_tensor(y)).square().sum(1).mean()
    loss, style = FeatureLoss(file, stages=2, loss_weight=3.0)(image, gt)
    assert style is None
    torch.testing.assert_close(loss, 3 * expected / 2, rtol=1e-3, atol=1e-6)


def test_equal_pictures_have_no_distance_and_gradients_reach_the_picture_alone(file):
    criterion = FeatureLoss(file, stages=1)
    gt = torch.rand(1, 3, 16, 16)
    assert criterion(gt, gt)[0] == 0
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    criterion(image, gt)[0].backward()
    assert image.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in criterion.parameters())


def test_looks_at_a_square_that_moves(file):
    criterion = FeatureLoss(file, stages=1, crop_size=8)
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    seen = []
    for _ in range(8):
        image.grad = None
        criterion(image, torch.zeros_like(image))[0].backward()
        rows, columns = image.grad[0].abs().sum(0).nonzero().T
        seen.append((int(rows.min()), int(columns.min())))
        assert int(rows.max() - rows.min()) < 8
        assert int(columns.max() - columns.min()) < 8
    assert len(set(seen)) > 1


def test_mistakes_are_named(file, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere.pth; save torchvision"):
        FeatureLoss(tmp_path / "nowhere.pth")
    with pytest.raises(ValueError, match=r"vgg16\.pth lacks features\.10\.weight; save the state_"):
        FeatureLoss(file, stages=3)
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.pth is .*no weights file"):
        FeatureLoss(tmp_path / "text.pth")
    with pytest.raises(ValueError, match="stages is 5"):
        FeatureLoss(file, stages=5)
    for crop_size in ("96", 0, -8):
        words = f"crop_size {crop_size!r} is no whole number of pixels from 1"
        with pytest.raises(ValueError, match=words):
            FeatureLoss(file, crop_size=crop_size)
