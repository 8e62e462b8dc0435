import numpy as np
import pytest
import torch
from torch import Tensor

from smfd_plugin.restore.detect import Detection
from smfd_plugin.restore.turned import in_all_turns


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
