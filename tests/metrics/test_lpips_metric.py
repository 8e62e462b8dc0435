"""With a backbone of random weights: no download, and the package itself as the judge."""

import urllib.error

import lpips
import numpy as np
import pytest
import torch
from basicsr.metrics import calculate_metric

from smfd_plugin.metrics import calculate_lpips, lpips_metric

pytestmark = pytest.mark.filterwarnings("ignore:The parameter 'pretrained'", "ignore:Arguments")


@pytest.fixture
def package(tmp_path):
    """The package's network with random convolutions, and torchvision's file of them."""
    torch.manual_seed(0)
    network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    layers = network.net.state_dict().items()
    features = {"features." + name.split(".", 1)[1]: value for name, value in layers}
    torch.save(features, tmp_path / "alexnet.pth")
    return network, tmp_path / "alexnet.pth"


def test_equals_the_package_on_rgb(package, astronaut):
    network, file = package
    face = astronaut[40:136, 180:276]
    other = np.roll(face, 3, 1)
    rgb = [lpips.im2tensor(np.ascontiguousarray(each[..., ::-1])) for each in (face, other)]
    expected = network(*rgb).item()
    assert expected > 0.001
    ours = calculate_metric(
        {"img": face, "img2": other},
        {"type": "calculate_lpips", "backbone": str(file), "better": "lower"},
    )
    assert ours == pytest.approx(expected, abs=1e-6)
    swapped = calculate_lpips(face[..., ::-1], other[..., ::-1], backbone=file)
    assert abs(swapped - expected) > 1e-5


def test_the_border_is_left_out_in_either_order(package, astronaut):
    face, other = astronaut[40:136, 180:276], astronaut[44:140, 180:276]
    inner = (np.ascontiguousarray(each[8:-8, 8:-8]) for each in (face, other))
    expected = calculate_lpips(*inner, backbone=package[1])
    turned = (each.transpose(2, 0, 1) for each in (face, other))
    found = calculate_lpips(*turned, crop_border=8, input_order="CHW", backbone=package[1])
    assert found == pytest.approx(expected, abs=1e-6)


def test_equal_pictures_have_no_distance(package, astronaut):
    assert calculate_lpips(astronaut, astronaut, backbone=package[1]) == 0


def test_mistakes_are_named(tmp_path, astronaut):
    def measure(**options):
        calculate_lpips(astronaut, astronaut, **options)

    with pytest.raises(FileNotFoundError, match=r"no backbone file .*nowhere"):
        measure(backbone=tmp_path / "nowhere.pth")
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "part.pth")
    with pytest.raises(ValueError, match=r"lacks features\.0\.bias"):
        measure(backbone=tmp_path / "part.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.pth is .*no weights file"):
        measure(backbone=tmp_path / "text.pth")
    with pytest.raises(ValueError, match="can be alex, vgg or squeeze"):
        measure(net="resnet")


def test_without_internet_the_remedy_is_named(monkeypatch, astronaut):
    def offline(*_, **__):
        raise urllib.error.URLError("no route")

    lpips_metric.lpips_network.cache_clear()
    monkeypatch.setattr(lpips, "LPIPS", offline)
    with pytest.raises(OSError, match=r"cannot be downloaded .*`backbone`"):
        calculate_lpips(astronaut, astronaut)
