import cv2
import numpy as np
import pytest
import torch

from smfd_plugin.data.enlarge import (
    INTERPOLATIONS,
    enlarge,
    resampling_kernel,
    resampling_reach,
    resize_batch,
    shrink,
    shrunk_size,
)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def test_a_shrunk_pixel_is_the_mean_of_its_area():
    image = picture(8, 12)
    means = image.reshape(2, 4, 3, 4, 3).mean((1, 3))
    np.testing.assert_allclose(shrink(image, 4.0), means, rtol=1e-5)


def test_nothing_is_done_where_the_size_stays():
    image = picture(8, 12)
    assert shrink(image, 1.0) is image
    assert enlarge(image, (8, 12, 3), "cubic") is image
    batch = torch.rand(1, 3, 8, 12)
    assert resize_batch(batch, (8, 12), cv2.INTER_AREA) is batch


@pytest.mark.parametrize("size, factor, left", [(256, 8.0, 32), (255, 2.0, 128), (3, 8.0, 1)])
def test_some_pixels_are_left(size, factor, left):
    assert shrunk_size(size, factor) == left


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_a_ramp_stays_a_ramp_away_from_the_edges(interpolation):
    ramp = np.tile(np.arange(16, dtype=np.float32)[None, :, None], (16, 1, 3))
    large = enlarge(ramp, (64, 64, 3), interpolation)
    exact = (np.arange(64) + 0.5) / 4 - 0.5
    np.testing.assert_allclose(large[32, 20:44, 0], exact[20:44], atol=0.05)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_a_batch_is_enlarged_as_by_opencv(interpolation):
    image = picture(13, 17)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].expand(2, -1, -1, -1)
    large = resize_batch(batch, (50, 40), INTERPOLATIONS[interpolation])[1].permute(1, 2, 0)
    np.testing.assert_allclose(large, enlarge(image, (50, 40, 3), interpolation), atol=1e-5)


@pytest.mark.parametrize("factor", [2.0, 3.0, 1.5])
def test_a_batch_is_shrunk_as_by_opencv(factor):
    image = picture(30, 24)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    size = shrunk_size(30, factor), shrunk_size(24, factor)
    small = resize_batch(batch, size, cv2.INTER_AREA)[0].permute(1, 2, 0)
    np.testing.assert_allclose(small, shrink(image, factor), atol=1e-5)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("factor", [1.5, 4.0])
def test_the_resampling_kernel_is_what_becomes_of_points(factor, interpolation):
    kernel = resampling_kernel(factor, interpolation)
    reach = resampling_reach(factor)
    assert kernel.shape == (2 * reach + 1, 2 * reach + 1)
    mean = np.zeros(2 * reach + 1)
    for position in range(60, 72):  # whole periods of both factors
        line = np.zeros((1, 132, 3), np.float32)
        line[:, position] = 1
        seen = enlarge(shrink(line, factor), (1, 132, 3), interpolation)[0, :, 0]
        mean += seen[position - reach : position + reach + 1]
    profile = mean.clip(min=0) / mean.clip(min=0).sum()
    np.testing.assert_allclose(kernel, np.outer(profile, profile), atol=1e-5)


def test_nothing_is_fetched_from_afar_where_the_size_stays():
    assert resampling_reach(1.0) == 0
