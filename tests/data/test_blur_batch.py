from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data

from smfd_plugin.data.blur_batch import blur_batch, degrade_batch
from smfd_plugin.data.blur_space import KINDS, BlurSpace

SPACE = BlurSpace()


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[0:160, 150:310, ::-1])


def as_batch(image: np.ndarray, count: int) -> torch.Tensor:
    rgb = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)
    return rgb.float().div(255).expand(count, -1, -1, -1)


def scenarios(**fixed):
    rng = np.random.default_rng(5)
    return [replace(SPACE[SPACE.sample(rng)], kind=kind, **fixed) for kind in KINDS]


def test_blur_is_that_of_the_single_picture(face):
    encoded = scenarios(noise=0.0, jpeg=0)
    batch = encoded + [replace(scenario, light="linear") for scenario in encoded]
    images = blur_batch(as_batch(face, len(batch)), batch)
    for image, scenario in zip(images, batch, strict=True):
        single = as_batch(scenario.apply(face), 1)[0]
        assert (image - single).abs().max() < 0.51 / 255


def test_jpeg_is_close_to_that_of_the_single_picture(face):
    batch = scenarios(noise=0.0, jpeg=80)
    images = degrade_batch(as_batch(face, len(batch)), batch)
    for image, scenario in zip(images, batch, strict=True):
        assert (image - as_batch(scenario.apply(face), 1)[0]).abs().mean() < 3 / 255


def test_noise_has_the_stated_strength_and_repeats(face):
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


@pytest.mark.gpu
def test_runs_on_the_gpu_as_on_the_cpu(face):
    batch = scenarios(noise=0.0, jpeg=0)
    images = as_batch(face, len(batch))
    on_gpu = degrade_batch(images.cuda(), batch).cpu()
    assert (on_gpu - degrade_batch(images, batch)).abs().max() < 1.5 / 255
