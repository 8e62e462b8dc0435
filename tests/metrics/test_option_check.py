import pytest
from basicsr.utils.registry import METRIC_REGISTRY

from smfd_plugin.metrics.option_check import check_metric_options


@pytest.mark.parametrize(
    "options",
    [
        {"type": "calculate_psnr", "crop_border": 0, "test_y_channel": True},
        {"type": "calculate_niqe", "crop_border": 4, "input_order": "HWC", "convert_to": "y"},
        {"type": "calculate_lpips", "net": "vgg", "backbone": "vgg.pth", "better": "lower"},
        {"type": "calculate_identity", "model": "arcface.onnx", "crop_border": 0},
    ],
)
def test_options_that_are_read(options):
    check_metric_options("mine", options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"type": "calculate_psnr", "crop_border": 0, "test_y_chanel": True},
            "mine has no option 'test_y_chanel'; did you mean test_y_channel?",
        ),
        (
            {"type": "calculate_lpips", "spatial": True},
            "mine has no option 'spatial'; there are backbone, better, crop_border, device, "
            "input_order, net, type",
        ),
        ({"type": "calculate_psnr", "crop_border": "x"}, "mine.crop_border 'x' is no whole number"),
        ({"type": "calculate_psnr", "crop_border": -1}, "mine.crop_border -1 is no whole number"),
        ({"type": "calculate_psnr", "better": "low"}, "mine.better 'low' is neither higher nor"),
        ({"type": "calculate_psnr", "img2": "sharp.png"}, "mine has no option 'img2'; there are"),
        ({"type": "calculate_psnr"}, "mine lacks the option 'crop_border'"),
        ({"type": "calculate_identity", "crop_border": 0}, "mine lacks the option 'model'"),
    ],
)
def test_options_that_are_not(options, message):
    with pytest.raises(ValueError) as error:
        check_metric_options("mine", options)
    assert str(error.value).startswith(message)


def test_metrics_of_others_take_what_they_like(monkeypatch):
    monkeypatch.setitem(METRIC_REGISTRY._obj_map, "own", lambda img, img2, **kwargs: 0)
    check_metric_options("mine", {"type": "own", "whatever": 1})
    with pytest.raises(ValueError, match=r"mine\.better 'less' is neither higher nor lower"):
        check_metric_options("mine", {"type": "own", "better": "less"})
