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
    _, low, high = Bootstrap(FACES, 0).interval(values, float)
    repeated = Bootstrap(FACES * 4, 0).interval(np.tile(values, 4), float)
    assert repeated == pytest.approx((values.mean(), low, high))


def test_one_face_has_no_interval():
    assert Bootstrap(["a", "a"], 0).interval(np.array([1.0, 3.0]), float) == (2, None, None)


def test_values_that_are_not_finite_have_no_interval():
    assert Bootstrap(["a", "b"], 0).interval(np.array([1.0, np.inf]), float) == (np.inf, None, None)


def test_a_score_may_be_made_of_arrays():
    values = np.stack([np.full((2, 2), i) for i in (1.0, 3.0)])
    interval = Bootstrap(["a", "b"], 0).interval(values, lambda mean: mean.sum() ** 2)
    assert interval == (64, 16, 144)
