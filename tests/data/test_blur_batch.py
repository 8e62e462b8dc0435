from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data

from smfd_plugin.data.blur_batch import degrade_batch, describe
from smfd_plugin.data.blur_space import KINDS, BlurSpace

SPACE = BlurSpace()


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[0:160, 150:310, ::-1])


def as_batch(image: np.ndarray, count: int = 1) -> torch.Tensor:
    rgb = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)
    return rgb.float().div(255).expand(count, -1, -1, -1)


def scenarios(**fixed):
    rng = np.random.default_rng(5)
    return [replace(SPACE[SPACE.sample(rng)], kind=kind, **fixed) for kind in KINDS]


def test_blur_is_that_of_the_single_picture(face):
    encoded = scenarios(noise=0.0, jpeg=0)
    batch = encoded + [replace(scenario, light="linear") for scenario in encoded]
    images = degrade_batch(as_batch(face, len(batch)), batch)
    for image, scenario in zip(images, batch, strict=True):
        difference = (image - as_batch(scenario.apply(face))[0]).abs() * 255
        assert difference.max() < 1.01  # where a rounding error decides
        assert difference.mean() < 0.01


@pytest.mark.parametrize("quality", [40, 60, 80])
def test_jpeg_is_that_of_the_single_picture_but_for_rounding(face, quality):
    batch = scenarios(noise=0.0, jpeg=quality)
    images = degrade_batch(as_batch(face, len(batch)), batch)
    for image, scenario in zip(images, batch, strict=True):
        compressed = as_batch(scenario.apply(face))[0]
        harm = compressed - as_batch(replace(scenario, jpeg=0).apply(face))[0]
        assert (image - compressed).square().mean() < 0.4 * harm.square().mean()


def test_noise_has_the_stated_strength_and_repeats():
    batch = scenarios(noise=6.0, jpeg=0)
    grey = torch.full((len(batch), 3, 96, 96), 0.5)
    noisy = degrade_batch(grey, batch)
    assert (noisy.std((1, 2, 3)) * 255).tolist() == pytest.approx([6.0] * len(batch), rel=0.05)
    assert torch.equal(noisy, degrade_batch(grey, batch))


def test_noise_follows_jpeg_where_the_order_says_so():
    base = replace(SPACE[0], kind="gaussian", sigma_x=0.4, noise=8.0, jpeg=60)
    batch = [replace(base, order=order) for order in ("noise-jpeg", "jpeg-noise")]
    camera, rescan = degrade_batch(torch.full((2, 3, 96, 96), 0.5), batch).std((1, 2, 3)) * 255
    assert rescan == pytest.approx(8.0, rel=0.05)
    assert camera < 0.8 * rescan


def test_a_kernel_that_reaches_too_far_is_refused():
    with pytest.raises(ValueError, match="reaches further"):
        describe(replace(SPACE[0], kind="line", extent=31), 10)


@pytest.mark.gpu
def test_runs_on_the_gpu_as_on_the_cpu(face):
    batch = scenarios(noise=0.0, jpeg=0)
    images = as_batch(face, len(batch))
    on_gpu = degrade_batch(images.cuda(), batch).cpu()
    assert (on_gpu - degrade_batch(images, batch)).abs().max() < 1.5 / 255
