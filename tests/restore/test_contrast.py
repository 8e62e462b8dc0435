import pytest
import torch

from smfd_plugin.data.scenario import Scenario
from smfd_plugin.data.tensors import from_tensor, to_tensor
from smfd_plugin.restore.contrast import CONTRAST, stretched
from smfd_plugin.restore.sizes import run_fitted
from smfd_plugin.weights import load_network

BLUR = Scenario("gaussian", 3, 0.0, 0, 2.5, 2.5, 1.0, 0.0, 0, "noise-jpeg")


def ramp(low, high, size=64):
    """(1, 3, size, size) greys from one to another."""
    return torch.linspace(low, high, size * size).view(1, 1, size, size).repeat(1, 3, 1, 1)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.05, 0.96), (0.0, 0.92)])
def test_what_has_contrast_stays_as_it_is(low, high):
    crops = ramp(low, high)
    seen, gain = stretched(crops)
    assert torch.equal(seen, crops) and gain.flatten().tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("low", "high", "seen_low", "seen_high", "times"),
    [
        (0.0, 0.3, 0.0, 0.909, 3.03),  # dark: the gain alone
        (0.1, 0.4, 0.061, 0.97, 3.03),
        (0.7, 1.0, 0.0985, 0.9985, 3.03),  # bright values stay where they are
        (0.4, 0.65, 0.061, 0.97, 3.64),
    ],
)
def test_little_contrast_is_stretched(low, high, seen_low, seen_high, times):
    seen, gain = stretched(ramp(low, high))
    found = [float(torch.quantile(seen, part)) for part in (0.005, 0.995)]
    assert gain.shape == (1, 3, 1, 1)
    assert gain.flatten().tolist() == pytest.approx([times] * 3, rel=0.01)
    assert found[1] - found[0] == pytest.approx(CONTRAST, abs=0.005)
    assert found == pytest.approx([seen_low, seen_high], abs=0.01)


def test_each_crop_has_a_gain_of_its_own_and_a_limit():
    crops = torch.cat([ramp(0, 1), ramp(0, 0.1), ramp(0.2, 0.2001)])
    _, gain = stretched(crops)
    assert gain[:, 0].flatten().tolist() == pytest.approx([1, 9.09, 16], rel=0.01)


def test_a_few_bright_pixels_do_not_count():
    dark = ramp(0, 0.3, 256)
    lit = dark.clone()
    lit[..., :8, :8] = 1
    torch.testing.assert_close(stretched(lit)[1], stretched(dark)[1], rtol=0.02, atol=0)


def test_bytes_are_pictures_too():
    clear, pale = ((255 * ramp(*ends)).byte() for ends in ((0, 1), (0.4, 0.65)))
    assert stretched(clear)[0] is clear
    torch.testing.assert_close(stretched(pale)[0], stretched(pale / 255)[0])


def test_values_that_are_no_numbers_do_not_count():
    crops = ramp(0.1, 0.4)
    broken = crops.clone()
    broken[..., :2, :2] = float("nan")
    broken[..., -1:, -1:] = float("inf")
    seen, gain = stretched(broken)
    torch.testing.assert_close(gain, stretched(crops)[1], rtol=0.01, atol=0)
    assert seen[..., 2:-1, :].isfinite().all()


def test_no_crops():
    seen, gain = stretched(torch.zeros(0, 3, 32, 32))
    assert seen.shape == (0, 3, 32, 32) and gain.shape == (0, 3, 1, 1)


def test_the_contrast_changes_without_a_jump():
    """Of a film, for instance, that fades to black."""
    gains = torch.stack([stretched(ramp(0, 1 - i / 100))[1][0, 0, 0, 0] for i in range(90)])
    assert gains[0] == 1 and gains.diff().min() >= 0
    assert (gains[1:] / gains[:-1]).max() < 1.12


def test_a_weak_channel_is_stretched_to_two_thirds_of_the_strongest():
    crops = ramp(0, 1) * torch.tensor([1.0, 0.8, 0.335])[:, None, None]
    seen, gain = stretched(crops)
    assert gain.flatten().tolist() == pytest.approx([1, 1, 2], rel=0.01)
    assert torch.equal(seen[:, :2], crops[:, :2])
    torch.testing.assert_close(seen[:, 2], 2 * crops[:, 2], rtol=0.01, atol=0)


def test_a_weak_channel_of_bright_values_goes_no_further_than_the_others():
    crops = torch.cat([ramp(0, 0.97)[:, :2], ramp(0.77, 0.97)[:, :1]], 1)
    seen, gain = stretched(crops)
    assert gain[0, 2, 0, 0] == pytest.approx(0.67 * 0.97 / 0.2, rel=0.02)
    assert torch.quantile(seen[:, 2], 0.995) == pytest.approx(0.97, abs=0.01)


def test_a_dark_picture_in_coloured_light():
    """Twice as dark as it may be, and one channel a quarter of the others."""
    crops = ramp(0, 0.45) * torch.tensor([1.0, 1.0, 0.25])[:, None, None]
    gain = stretched(crops)[1].flatten()
    assert gain[0] == gain[1] and float(gain[2] / gain[0]) == pytest.approx(0.67 * 4, rel=0.02)


def test_an_empty_channel_has_the_largest_gain():
    crops = ramp(0, 1) * torch.tensor([1.0, 1.0, 0.0])[:, None, None]
    seen, gain = stretched(crops)
    assert gain.flatten().tolist() == [1, 1, 16] and not seen[:, 2].any()


@pytest.mark.parametrize(
    ("times", "plus"), [(1, 0), (0.25, 0), (0.12, 0), (0.25, 0.4), (0.12, 0.5)]
)
def test_dark_and_hazy_faces_gain_as_others_do(astronaut, times, plus):
    """Without it the last three would lose 1 to 12 dB."""
    net = load_network("smfd-unet").eval()
    sharp = from_tensor(to_tensor(astronaut[0:256, 96:352]) * times + plus)
    blurry = BLUR.apply(sharp)
    restored, _ = run_fitted(net, to_tensor(blurry))
    errors = [(to_tensor(sharp) - each).square().mean() for each in (to_tensor(blurry), restored)]
    assert 10 * (errors[0] / errors[1]).log10() > 3


@pytest.mark.parametrize("light", [(0.2, 0.3, 1.0), (0.3, 1.0, 0.3), (0.7, 0.15, 1.0)])
def test_faces_in_coloured_light_gain_as_others_do(astronaut, light):
    """Were all channels stretched alike, they would gain 1.4 to 1.7 dB."""
    net = load_network("smfd-unet").eval()
    sharp = from_tensor(to_tensor(astronaut[0:256, 96:352]) * torch.tensor(light)[:, None, None])
    blurry = BLUR.apply(sharp)
    restored, _ = run_fitted(net, to_tensor(blurry))
    errors = [(to_tensor(sharp) - each).square().mean() for each in (to_tensor(blurry), restored)]
    assert 10 * (errors[0] / errors[1]).log10() > 2.8
