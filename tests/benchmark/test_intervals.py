import numpy as np
import pytest

from smfd_plugin.benchmark.intervals import Bootstrap

FACES = [f"face{i}" for i in range(100)]


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide():
    values = np.random.default_rng(0).normal(5, 2, 100)
    value, low, high = Bootstrap(FACES, 0).interval(values, float)
    assert value == pytest.approx(values.mean())
    error = values.std() / 10
    assert value - low == pytest.approx(1.96 * error, rel=0.1)
    assert high - value == pytest.approx(1.96 * error, rel=0.1)


def test_the_seed_decides():
    values = np.arange(100.0)
    first, again, other = (Bootstrap(FACES, seed).interval(values, float) for seed in (3, 3, 4))
    assert first == again != other


def test_differences_are_paired():
    reference = np.random.default_rng(0).normal(5, 2, 100)
    difference = Bootstrap(FACES, 0).difference(reference + 1, reference, float)
    assert difference == pytest.approx((1, 1, 1))


def test_several_blurs_of_one_face_are_not_several_faces():
    values = np.random.default_rng(0).normal(5, 2, 100)
    value, low, high = Bootstrap(FACES, 0).interval(values, float)
    repeated = Bootstrap(FACES * 4, 0).interval(np.tile(values, 4), float)
    assert repeated == pytest.approx((value, low, high))


def test_few_faces_have_no_interval():
    assert Bootstrap(["a", "a"], 0).interval(np.array([1.0, 3.0]), float) == (2, None, None)
    values = np.arange(20.0)
    assert Bootstrap(FACES[:9] * 2, 0).interval(values[:18], float) == (8.5, None, None)
    assert Bootstrap(FACES[:10] * 2, 0).interval(values, float).low < 9.5


def test_intervals_of_few_faces_are_widened():
    values = np.random.default_rng(0).normal(5, 2, 10)
    value, low, high = Bootstrap(FACES[:10], 0).interval(values, float)
    draws = np.random.default_rng(0).integers(10, size=(2000, 10))
    ends = np.quantile(values[draws].mean(1), [0.025, 0.975])
    assert (low - value, high - value) == pytest.approx((ends - value) * np.sqrt(10 / 9))


def test_values_that_are_not_finite_have_no_interval():
    values = np.append(np.ones(99), np.inf)
    assert Bootstrap(FACES, 0).interval(values, float) == (np.inf, None, None)


def test_a_score_may_be_made_of_arrays():
    values = np.random.default_rng(0).normal(5, 2, 100)
    arrays = values[:, None, None] * np.array([[1, 2], [3, 4]])
    interval = Bootstrap(FACES, 0).interval(arrays, lambda mean: mean.sum() ** 2)
    expected = Bootstrap(FACES, 0).interval(values, lambda mean: (10 * mean) ** 2)
    assert interval == pytest.approx(expected)
