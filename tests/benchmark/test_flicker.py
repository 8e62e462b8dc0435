import cv2
import numpy as np
import pytest

from smfd_plugin.benchmark import flicker
from smfd_plugin.benchmark.moving_faces import load_portraits


def test_portraits_are_where_the_matrices_say(film):
    (truth,) = load_portraits(None, 1)
    seen = flicker.stabilise(film.sharp, film)
    expected = np.repeat(truth[flicker._FACE][None].astype(np.float32), 3, 0)
    assert flicker.psnr(seen, expected) > 22  # the frame is of half the size
    assert flicker.flicker(seen) < 6
    assert not np.array_equal(film.to_frame[0][0], film.to_frame[1][0])
    assert all(cv2.PSNR(*pair) < 40 for pair in zip(film.sharp, film.blurry, strict=True))


def test_flicker_and_psnr():
    faces = np.zeros((2, 4, 4, 3), np.float32)
    faces[1] = 10
    assert flicker.flicker(faces) == 5
    assert flicker.psnr(faces[1:], faces[:1]) == pytest.approx(20 * np.log10(25.5), abs=1e-4)
