import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.restore.detect import Detection
from smfd_plugin.restore.looks import in_all_turns, in_two_sizes


def places(height: int, width: int) -> Tensor:
    """(2, H, W): x and y of each pixel."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack((x, y))


@pytest.mark.parametrize("turns", range(4))
def test_a_turned_face_is_found_once_where_it_is(frame, tiny_detector, turns):
    picture = frame[:, :300]  # no square, so that width and height cannot be mistaken
    (upright,) = tiny_detector(picture)
    (found,) = in_all_turns(tiny_detector)(picture.rot90(turns, (1, 2)).contiguous())
    assert found.score == pytest.approx(upright.score, abs=1e-4)
    # where the pixels next to the landmarks were before
    before = places(*picture.shape[1:]).rot90(turns, (1, 2))
    x, y = found.landmarks.round().astype(int).T
    assert np.abs(before[:, y, x].numpy().T - upright.landmarks).max() <= 0.51
    left, top, right, bottom = found.box.round().astype(int)
    inside = before[:, top:bottom, left:right].flatten(1).numpy()
    np.testing.assert_allclose(inside.min(1), upright.box[:2], atol=0.51)
    np.testing.assert_allclose(inside.max(1) + 1, upright.box[2:], atol=0.51)


@pytest.fixture
def picture():
    return torch.zeros(3, 100, 200)


def found_in(turns: dict[int, list[Detection]]):
    """A detector that finds these faces, by the turn of the picture that it is asked for."""
    asked = iter(range(4))
    return lambda image: turns.get(next(asked), [])


def at(box: tuple[int, int, int, int], score: float) -> Detection:
    return Detection(np.array(box, np.float32), np.zeros((5, 2), np.float32), score)


def test_of_one_face_in_two_turns_the_surer_counts(picture):
    # in the picture the second is at 20, 30, 60, 70
    turns = {0: [at((20, 30, 60, 70), 0.9)], 2: [at((140, 30, 180, 70), 0.95)]}
    (face,) = in_all_turns(found_in(turns))(picture)
    assert face.score == 0.95
    np.testing.assert_array_equal(face.box, (20, 30, 60, 70))


def test_faces_that_overlap_in_one_turn_are_two(picture):
    turns = {0: [at((20, 30, 60, 70), 0.9), at((25, 35, 50, 60), 0.95)]}
    assert [face.score for face in in_all_turns(found_in(turns))(picture)] == [0.95, 0.9]


def test_no_face_in_any_turn(picture):
    assert in_all_turns(found_in({}))(picture) == []


def found_by_width(faces: dict[int, list[Detection]]):
    """A detector that finds these faces, by the width of the picture that it is given."""
    return lambda image: faces[image.shape[2]]


LARGE_PICTURE = torch.zeros(3, 800, 1200)
"""Looked at in 800x1200 and 267x400."""


@pytest.mark.parametrize("surer", [1200, 400])
def test_of_one_face_in_two_sizes_the_surer_counts(surer):
    faces = {1200: [at((30, 30, 330, 430), 0.9)], 400: [at((9, 10, 109, 142), 0.9)]}
    faces[surer][0] = at(tuple(faces[surer][0].box), 0.95)
    (face,) = in_two_sizes(found_by_width(faces))(LARGE_PICTURE)
    assert face.score == 0.95
    expected = (30, 30, 330, 430) if surer == 1200 else (27, 10 * 800 / 267, 327, 142 * 800 / 267)
    np.testing.assert_allclose(face.box, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("suits", "faces"),
    [
        (400, {1200: [at((30, 30, 530, 550), 0.95)], 400: [at((10, 10, 175, 180), 0.9)]}),
        (1200, {1200: [at((30, 30, 230, 310), 0.9)], 400: [at((10, 10, 76, 103), 0.95)]}),
    ],
)
def test_a_face_counts_in_the_size_that_suits_it_although_the_other_is_surer(suits, faces):
    """Of more than 512 pixels in the smaller picture; of less than 96 there in the whole one."""
    (face,) = in_two_sizes(found_by_width(faces))(LARGE_PICTURE)
    assert face.score == 0.9
    (face,) = in_two_sizes(found_by_width(faces | {suits: []}))(LARGE_PICTURE)
    assert face.score == 0.95


def test_parts_of_a_large_face_are_no_faces():
    faces = {
        1200: [at((200, 200, 400, 400), 0.9), at((900, 100, 1000, 230), 0.85)],
        400: [at((40, 40, 200, 240), 0.99)],
    }
    found = in_two_sizes(found_by_width(faces))(LARGE_PICTURE)
    assert [face.score for face in found] == [0.99, 0.85]


def test_a_face_that_fills_the_picture_is_found_once_where_it_is(frame, face, tiny_detector):
    left, top = 140, 10
    part = frame[:, top : top + 190, left : left + 160]
    large = F.interpolate(part[None], scale_factor=8, mode="bicubic")[0].clamp(0, 1)
    (found,) = in_two_sizes(tiny_detector)(large)
    landmarks = (found.landmarks + 0.5) / 8 - 0.5 + (left, top)
    assert np.abs(landmarks - face.landmarks).max() < 3
    others = tiny_detector(large)
    assert len(others) > 1 or np.abs(others[0].landmarks - found.landmarks).max() > 40
