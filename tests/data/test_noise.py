import cv2
import numpy as np
import pytest
import torch

from smfd_plugin.data import noise

SHAPE = (280, 320, 3)


def by_numpy(grain: float, grey: bool, seed: int = 3) -> np.ndarray:
    return noise.draw(SHAPE, seed, grain, grey)


def by_torch(grain: float, grey: bool, seed: int = 3) -> np.ndarray:
    image = torch.zeros(SHAPE[2], *SHAPE[:2])
    return noise.draw_like(image, seed, grain, grey).permute(1, 2, 0).numpy()


both = pytest.mark.parametrize("draw", [by_numpy, by_torch])


def neighbours(values: np.ndarray) -> float:
    """The correlation of each pixel with the one to its right."""
    return float(np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1])


def test_white_noise_is_that_of_numpy():
    white = np.random.default_rng(3).standard_normal(SHAPE, np.float32)
    assert np.array_equal(noise.draw(SHAPE, 3, 0.0, False), white)


def test_grain_is_smoothed_noise_from_a_wider_picture():
    wide = np.random.default_rng(3).standard_normal((288, 328, 3), np.float32)
    smooth = cv2.GaussianBlur(wide, (9, 9), 1.2)[4:-4, 4:-4]
    drawn = noise.draw(SHAPE, 3, 1.2, False)
    assert np.corrcoef(drawn.ravel(), smooth.ravel())[0, 1] == pytest.approx(1, abs=1e-5)


@both
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("grain", [0.0, 0.7, 2.0])
def test_noise_is_as_strong_whatever_its_grain(draw, grain, grey):
    drawn = draw(grain, grey)
    assert drawn.shape == SHAPE
    assert drawn.dtype == np.float32
    assert drawn.std() == pytest.approx(1, abs=0.06)
    assert drawn.mean() == pytest.approx(0, abs=0.1)


@both
@pytest.mark.parametrize("grain", [0.0, 1.0, 2.0])
def test_coarse_grain_is_alike_from_pixel_to_pixel(draw, grain):
    # Of white noise after a Gaussian: exp(-d^2 / (4 sigma^2)).
    expected = np.exp(-1 / (4 * grain**2)) if grain else 0
    assert neighbours(draw(grain, False)[..., 1]) == pytest.approx(expected, abs=0.04)


@both
def test_grey_noise_is_one_in_all_channels_and_coloured_noise_is_not(draw):
    red, green, _ = np.moveaxis(draw(1.0, True), 2, 0)
    assert np.array_equal(red, green)
    red, green, _ = np.moveaxis(draw(1.0, False), 2, 0)
    assert abs(np.corrcoef(red.ravel(), green.ravel())[0, 1]) < 0.1


@both
def test_a_seed_is_one_draw(draw):
    assert np.array_equal(draw(1.0, False), draw(1.0, False))
    assert not np.array_equal(draw(1.0, False), draw(1.0, False, seed=4))
