import ast
import inspect

import cv2
import numpy as np
import pytest

from smfd_plugin.benchmark import foreign_blur
from smfd_plugin.benchmark.foreign_blur import FOREIGN_BLURS


@pytest.fixture
def face(astronaut):
    return np.ascontiguousarray(astronaut[0:256, 96:352])


@pytest.mark.parametrize("name", FOREIGN_BLURS)
def test_is_the_same_for_a_seed_and_another_for_another(name, face):
    first, again, other = (
        FOREIGN_BLURS[name](face, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert first.dtype == np.uint8
    assert first.shape == face.shape
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", FOREIGN_BLURS)
def test_spreads_a_spot_around_its_place(name):
    spot = np.full((129, 129, 3), 60, np.uint8)
    spot[60:69, 60:69] = 180
    y, x = np.mgrid[:129, :129] - 64
    for seed in range(5):
        blurry = FOREIGN_BLURS[name](spot, np.random.default_rng(seed))
        change = cv2.GaussianBlur(blurry.mean(2) - 60, (0, 0), 1)
        light = np.where(change > 4, change, 0)  # without the noise
        assert np.hypot((light * x).sum(), (light * y).sum()) / light.sum() < 1
        assert (light > 0).sum() > 1.3 * 9 * 9


@pytest.mark.parametrize("name", ["inertial_shake", "polygonal_defocus"])
def test_keeps_the_light(name, face):
    blurry = FOREIGN_BLURS[name](face, np.random.default_rng(0))
    assert abs(blurry.mean() - face.mean()) < 1


def test_highlights_leave_streaks():
    lamp = np.full((128, 128, 3), 20, np.uint8)
    lamp[60:68, 60:68] = 255
    blurry = foreign_blur.saturated_motion(lamp, np.random.default_rng(3))
    assert blurry.mean() > lamp.mean() + 1


def test_shares_nothing_with_the_blur_space():
    tree = ast.parse(inspect.getsource(foreign_blur))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(module.startswith("smfd_plugin") for module in modules)
