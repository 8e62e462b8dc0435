import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smfd_plugin.data import kernels

extents = st.integers(2, 31)
angles = st.floats(0, 360)
sigmas = st.floats(0.3, 5)


def check(kernel):
    """Odd size, float32, no negative weight, sum 1, centroid in the middle."""
    size = kernel.shape[0]
    assert kernel.shape == (size, size)
    assert size % 2 == 1
    assert kernel.dtype == np.float32
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    offset = np.arange(size) - size // 2
    assert (kernel.sum(0) * offset).sum() == pytest.approx(0, abs=1e-4)
    assert (kernel.sum(1) * offset).sum() == pytest.approx(0, abs=1e-4)


@given(extents, angles)
def test_line_keeps_energy_and_place(extent, angle):
    check(kernels.line_kernel(extent, angle))


@given(extents, angles, st.integers(0, 2000))
def test_shake_keeps_energy_and_place(extent, angle, seed):
    check(kernels.shake_kernel(extent, angle, seed))


@given(sigmas, sigmas, angles)
def test_gaussian_keeps_energy_and_place(sigma_x, sigma_y, angle):
    check(kernels.gaussian_kernel(sigma_x, sigma_y, angle))


@given(st.floats(0.5, 6))
def test_disk_keeps_energy_and_place(radius):
    check(kernels.disk_kernel(radius))


@given(extents, angles, sigmas, sigmas)
def test_convolution_keeps_energy_and_place(extent, angle, sigma_x, sigma_y):
    lens = kernels.gaussian_kernel(sigma_x, sigma_y, angle)
    check(kernels.convolve(kernels.line_kernel(extent, angle), lens))


def test_horizontal_line_is_even_along_its_extent():
    kernel = kernels.line_kernel(5, 0)
    row = kernel[kernel.shape[0] // 2]
    assert np.count_nonzero(kernel.sum(1)) == 1
    np.testing.assert_allclose(row, [0.125, 0.25, 0.25, 0.25, 0.125], atol=0.02)


def test_angles_turn_counter_clockwise_on_the_screen():
    kernel = kernels.line_kernel(15, 45)
    half = kernel.shape[0] // 2
    assert kernel[:half, half + 1 :].sum() > 0.4  # up and right
    assert kernel[:half, :half].sum() == 0  # up and left

    kernel = kernels.gaussian_kernel(4, 0.5, 45)
    half = kernel.shape[0] // 2
    assert kernel[:half, half + 1 :].sum() > 10 * kernel[:half, :half].sum()


def test_gaussian_has_the_stated_spread():
    kernel = kernels.gaussian_kernel(2.0, 1.0)
    offset = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    assert np.sqrt((kernel.sum(0) * offset**2).sum()) == pytest.approx(2.0, rel=0.03)
    assert np.sqrt((kernel.sum(1) * offset**2).sum()) == pytest.approx(1.0, rel=0.03)


def test_disk_has_the_stated_area():
    kernel = kernels.disk_kernel(4)
    assert 1 / kernel.max() == pytest.approx(np.pi * 16, rel=0.01)


def test_shake_spans_its_extent_and_depends_on_its_seed():
    first, again, other = (kernels.shake_kernel(21, 0, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)
    rows, columns = (np.flatnonzero(first.sum(axis) > 0) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) == pytest.approx(21, abs=1)


def test_a_shake_turns_counter_clockwise_too():
    kernel, turned = (kernels.shake_kernel(15, angle, 3) for angle in (0, 90))
    np.testing.assert_allclose(turned, np.rot90(kernel), atol=1e-6)


def test_a_seed_of_a_shake_stays_the_same_one():
    """Numbers of scenarios lie in lists and logs, and are to mean the same tomorrow."""
    expected = [[0, 0.115, 0.121], [0.109, 0.272, 0.132], [0.105, 0.117, 0.006]]
    np.testing.assert_allclose(kernels.shake_kernel(3, 0, 1)[1:4, 1:4], expected, atol=1e-3)


def test_convolving_two_gaussians_adds_their_variances():
    kernel = kernels.convolve(kernels.gaussian_kernel(2, 2), kernels.gaussian_kernel(1.5, 1.5))
    offset = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    assert np.sqrt((kernel.sum(0) * offset**2).sum()) == pytest.approx(2.5, rel=0.03)


@pytest.mark.parametrize("size", [9, 31])
def test_fitting_adds_zeros_or_cuts_the_edge_off(size):
    kernel = kernels.gaussian_kernel(3, 3)
    assert kernel.shape == (19, 19)
    fitted = kernels.fit_kernel(kernel, size)
    check(fitted)
    middle = np.s_[size // 2 - 4 : size // 2 + 5,] * 2
    inside = fitted[middle]
    np.testing.assert_allclose(inside / inside.sum(), _middle(kernel), rtol=1e-5)


def _middle(kernel):
    return kernel[5:14, 5:14] / kernel[5:14, 5:14].sum()


def test_fitting_no_blur_is_a_single_one():
    fitted = kernels.fit_kernel(kernels.IDENTITY, 5)
    assert fitted[2, 2] == fitted.sum() == 1
