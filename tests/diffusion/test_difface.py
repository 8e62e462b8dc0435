import pytest
import torch
from torch import nn

from smfd_plugin.archs import DiffusionUNet, SMFDUNet
from smfd_plugin.diffusion import DifFace, linear_schedule, restore

SCHEDULE = linear_schedule().respaced(250)


def small_difface(tiny_net: SMFDUNet, **options) -> DifFace:
    """SMFD-UNet before a prior that has learned nothing, but answers something."""
    torch.manual_seed(0)
    prior = DiffusionUNet(32, channel_mult=(1, 2), num_res_blocks=1, num_head_channels=32)
    nn.init.normal_(prior.out[-1].weight, std=0.05)
    return DifFace(tiny_net, prior, SCHEDULE, **{"start": 3, "size": 32} | options).eval()


def in_colour(x: torch.Tensor) -> torch.Tensor:
    """[-1, 1] to [0, 1]."""
    return (x + 1) / 2


def test_an_error_of_the_estimator_shrinks_as_the_posterior_says(gaussian):
    """Of an error e, alpha_bar variance / (alpha_bar variance + 1 - alpha_bar) remains."""
    torch.manual_seed(0)
    error = 0.3
    lq = in_colour(gaussian.pictures())
    x_0 = restore(
        lq, lambda y: y + error / 2, gaussian.denoiser(SCHEDULE), SCHEDULE, start=60, eta=None
    )
    alpha_bar = SCHEDULE.alpha_bar[60].item()
    remains = alpha_bar * gaussian.variance / gaussian.spread(alpha_bar)
    assert (2 * x_0 - 1).mean().item() == pytest.approx(gaussian.mean + remains * error, abs=0.004)
    assert remains < 0.3


def test_a_later_start_keeps_less_of_the_estimate(gaussian):
    lq = in_colour(gaussian.pictures())
    kept = []
    for start in (5, 50, 150):
        torch.manual_seed(0)
        x_0 = restore(lq, nn.Identity(), gaussian.denoiser(SCHEDULE), SCHEDULE, start)
        kept.append(torch.corrcoef(torch.stack((lq.flatten(), x_0.flatten())))[0, 1].item())
    assert kept[0] > 0.95 > kept[1] > kept[2] + 0.1


@pytest.mark.parametrize("size", [(32, 32), (40, 40), (48, 64)])
def test_smfd_unet_as_the_estimator_on_faces_of_any_size(tiny_net, size):
    faces = torch.rand(2, 3, *size)
    restored = small_difface(tiny_net)(faces)
    assert restored.shape == faces.shape
    assert 0 <= restored.min() < restored.max() <= 1


def test_a_face_does_not_depend_on_its_batch(tiny_net):
    difface, faces = small_difface(tiny_net), torch.rand(3, 3, 32, 32)
    together = difface(faces, seeds=[1, 2, 3])
    torch.testing.assert_close(together[2:], difface(faces[2:], seeds=[3]), atol=1e-4, rtol=1e-4)
    assert (together[2:] - difface(faces[2:], seeds=[4])).abs().max() > 1e-3
    assert torch.equal(difface(faces), difface(faces, seeds=[0, 0, 0]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_with_a_prior_of_16_bits_it_is_nearly_the_same_face(tiny_net, dtype):
    difface, faces = small_difface(tiny_net), torch.rand(1, 3, 32, 32)
    exact = difface(faces)
    difface.prior.to(dtype)
    restored = difface(faces)
    assert restored.dtype == torch.float32
    assert 0 < (restored - exact).abs().max() < 0.02


def test_under_autocast_it_is_nearly_the_same_face(tiny_net):
    difface, faces = small_difface(tiny_net), torch.rand(1, 3, 32, 32)
    exact = difface(faces)
    with torch.autocast("cpu", torch.bfloat16):
        restored = difface(faces)
    assert restored.dtype == torch.float32
    assert 0 < (restored - exact).abs().max() < 0.02


def test_mistakes_are_named_before_the_first_face(tiny_net):
    with pytest.raises(ValueError, match="start is 251; it can be 1 to 250"):
        small_difface(tiny_net, start=251)
    with pytest.raises(ValueError, match="eta is 2; it can be 0 to 1"):
        small_difface(tiny_net, eta=2)
