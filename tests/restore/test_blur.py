import cv2
import numpy as np
import pytest
import torch

from smfd_plugin.data.template import FFHQ_TEMPLATE
from smfd_plugin.restore.blur import gate, measure_blur


def luma(astronaut: np.ndarray, blur=lambda grey: grey) -> torch.Tensor:
    grey = cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    return torch.from_numpy(blur(grey))[None]


def gaussian(sigma: float):
    return lambda grey: cv2.GaussianBlur(grey, (0, 0), sigma)


@pytest.mark.parametrize("sigma", [2, 3, 4])
def test_a_gaussian_is_measured_in_pixels(astronaut, face, sigma):
    measured = measure_blur(luma(astronaut, gaussian(sigma)), face.landmarks)
    assert measured == pytest.approx(sigma, rel=0.25)


def test_a_sharp_face_measures_little(astronaut, face):
    assert measure_blur(luma(astronaut), face.landmarks) < 1


@pytest.mark.parametrize("angle", [0, 30, 90, 135])
def test_motion_is_noticed_in_any_direction(astronaut, face, angle):
    kernel = np.zeros((15, 15), np.float32)
    kernel[7] = 1
    turn = cv2.getRotationMatrix2D((7, 7), angle, 1)
    kernel = cv2.warpAffine(kernel, turn, (15, 15))
    moved = luma(astronaut, lambda grey: cv2.filter2D(grey, -1, kernel / kernel.sum()))
    assert measure_blur(moved, face.landmarks) > 1.5


def test_grain_does_not_make_a_face_sharp(astronaut, face):
    grain = np.random.default_rng(0).normal(0, 6 / 255, (512, 512)).astype(np.float32)
    clean = measure_blur(luma(astronaut, gaussian(3)), face.landmarks)
    grainy = measure_blur(luma(astronaut, lambda g: gaussian(3)(g) + grain), face.landmarks)
    assert grainy == pytest.approx(clean, rel=0.25)


def test_range_and_offset_do_not_matter(astronaut, face):
    grey = luma(astronaut, gaussian(2))
    limited = (grey * 219 + 16) / 255
    assert measure_blur(limited, face.landmarks) == pytest.approx(
        measure_blur(grey, face.landmarks), rel=1e-3
    )


def test_a_face_without_edges_is_as_blurry_as_can_be():
    assert 10 < measure_blur(torch.full((1, 512, 512), 0.5), FFHQ_TEMPLATE) < 20


def test_a_face_that_is_larger_than_the_crop_is_measured_in_pixels_of_the_crop(astronaut, face):
    def measured(times: int) -> float:
        large = cv2.resize(astronaut[:220, 120:340], None, fx=times, fy=times)
        landmarks = (face.landmarks - (120, 0) + 0.5) * times - 0.5
        return measure_blur(luma(large, gaussian(2 * times)), landmarks)

    assert measured(6) == pytest.approx(measured(3), rel=0.1)  # sides of 996 and 498


def test_landmarks_that_make_no_face_are_refused():
    with pytest.raises(ValueError, match="cannot be aligned"):
        measure_blur(torch.zeros(1, 64, 64), np.full((5, 2), 3.0))


def test_the_gate_opens_softly():
    assert [gate(blur, 2) for blur in (0, 1, 2, 2.5, 3, 9)] == [0, 0, 0, 0.5, 1, 1]
    assert gate(0, 0) == 1
    rising = [gate(blur, 2) for blur in np.linspace(2, 3, 20)]
    assert rising == sorted(rising)
