import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smfd_plugin.restore import Detection, Sighting, SteadyFace, steady_faces
from smfd_plugin.restore.tracking import overlap

POINTS = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)


def seen(x: float = 0, y: float = 0, size: float = 100, blur: float = 1, score: float = 0.9):
    """A face whose box begins at x, y."""
    box = np.array([x, y, x + size, y + size], np.float32)
    points = POINTS * size / 100 + np.array([x, y], np.float32)
    return Sighting(Detection(box, points, score), blur)


def over_time(frames: list[list[Sighting]], radius: int, most: int = 0) -> list[list[SteadyFace]]:
    """The steady faces of each frame."""
    windows = ((max(0, n - radius), n) for n in range(len(frames)))
    return [
        steady_faces(frames[first : n + radius + 1], n - first, radius, most)
        for first, n in windows
    ]


def presences(shown: str, radius: int) -> list[float]:
    """How present a resting face is in each frame; a frame shows it where `shown` has an x."""
    frames = [[seen()] if letter == "x" else [] for letter in shown]
    return [faces[0].presence if faces else 0.0 for faces in over_time(frames, radius)]


def test_overlap():
    a, b = seen(0, 0).detection.box, seen(50, 0).detection.box
    assert overlap(a, a) == 1
    assert overlap(a, b) == pytest.approx(1 / 3)
    assert overlap(a, seen(100, 0).detection.box) == 0


def test_a_frame_alone_is_as_it_was_seen():
    face = seen(3, 4, blur=2.5)
    (steady,) = steady_faces([[face]], 0, 0)
    np.testing.assert_array_equal(steady.detection.landmarks, face.detection.landmarks)
    np.testing.assert_array_equal(steady.detection.box, face.detection.box)
    assert (steady.blur, steady.presence) == (2.5, 1)
    assert steady.detection.score == pytest.approx(0.9)


def test_trembling_is_smoothed_with_weights_that_fall_off():
    window = [[seen(x)] for x in (0, 0, 0, 2, 0, 0, 0)]
    (steady,) = steady_faces(window, 3, 3)
    moved = steady.detection.landmarks - POINTS
    np.testing.assert_allclose(moved, [[2 * 4 / 16, 0]] * 5, atol=1e-4)


@given(
    speed=st.floats(-20, 20),
    first=st.integers(0, 3),
    last=st.integers(3, 6),
)
@settings(max_examples=40, deadline=None)
def test_a_face_that_moves_evenly_does_not_lag(speed, first, last):
    window = [[seen(speed * n)] if first <= n <= last else [] for n in range(7)]
    (steady,) = steady_faces(window, 3, 3)
    np.testing.assert_allclose(steady.detection.box, seen(3 * speed).detection.box, atol=1e-3)


def test_noise_is_reduced_as_its_weights_promise():
    rng = np.random.default_rng(0)
    frames = [[seen(x)] for x in rng.normal(0, 1, 400)]
    smooth = [steady_faces(frames[n - 3 : n + 4], 3, 3)[0].detection.box[0] for n in range(3, 397)]
    expected = np.sqrt(np.square([1, 2, 3, 4, 3, 2, 1]).sum()) / 16
    assert np.std(smooth) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize(
    ("shown", "radius", "expected"),
    [
        ("....xxxxxx....", 3, [0, 0, 0, 0, 1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3, 0, 0, 0, 0]),
        ("xxxxxx", 3, [1] * 6),  # the clip's ends are no reason to fade
        ("xxxxx.xxxxx", 3, [1] * 11),  # a gap that the detector left
        ("xxxx..xxxx", 3, [1, 1, 2 / 3, 1 / 3, 0, 0, 1 / 3, 2 / 3, 1, 1]),
        ("xxxxx..xxxxx", 4, [1] * 12),
        ("..xxx", 0, [0, 0, 1, 1, 1]),
        ("..xxx", 1, [0, 0, 1 / 2, 1, 1]),
        ("...x...", 3, [0, 0, 0, 1 / 3, 0, 0, 0]),
    ],
)
def test_faces_fade_in_and_out_and_gaps_are_bridged(shown, radius, expected):
    assert presences(shown, radius) == pytest.approx(expected)


def test_faces_that_pass_each_other_are_not_mixed():
    window = [[seen(0, 40 * n), seen(200, 200 - 40 * n, blur=3)] for n in range(5)]
    window[1].reverse()
    steady = steady_faces(window, 2, 2)
    assert sorted(face.blur for face in steady) == [1, 3]
    assert {round(float(face.detection.box[0])) for face in steady} == {0, 200}


def test_the_largest_face_comes_first():
    window = [[seen(0, size=50), seen(200, size=90), seen(400, size=70)]]
    sizes = [face.detection.box[2] - face.detection.box[0] for face in steady_faces(window, 0, 0)]
    assert sizes == [90, 70, 50]


def test_a_jump_is_another_face():
    window = [[seen(0)], [seen(0)], [seen(300)], [seen(300)]]
    (steady,) = steady_faces(window, 1, 3)
    np.testing.assert_allclose(steady.detection.box, seen(0).detection.box, atol=1e-4)
    assert steady.presence == pytest.approx(1 / 3)


def test_the_path_names_the_sightings_of_the_face():
    elsewhere = seen(900)
    window = [[], [elsewhere, seen(10)], [seen(20)], [elsewhere], [seen(40), elsewhere]]
    steady = steady_faces(window, 2, 2)
    assert [face.path for face in steady if face.detection.box[0] < 500] == [{-1: 1, 0: 0, 2: 0}]


@pytest.mark.parametrize("radius", [1, 3, 6])
@pytest.mark.parametrize(
    "places",
    [
        pytest.param([90 * n for n in range(12)], id="even"),
        pytest.param([4 * n * n for n in range(12)], id="ever faster"),
        pytest.param([60 * abs(n - 6) for n in range(12)], id="turns"),
        pytest.param(np.cumsum([80] * 5 + [40] + [0] * 6), id="stops"),
        pytest.param([30 * abs(n - 6) for n in range(12)], id="slow enough to overlap"),
    ],
)
def test_a_fast_face_is_one_and_lies_where_it_is_shown(places, radius):
    frames = [[seen(x)] for x in places]
    # Where it turns, the places before and after it overlap: it must not be missed between them.
    for (face,), x in zip(over_time(frames, radius), places, strict=True):
        assert face.presence == 1
        np.testing.assert_allclose(face.detection.box, seen(x).detection.box, atol=3.01)
        np.testing.assert_allclose(face.detection.landmarks, POINTS + np.array([x, 0]), atol=3.01)


def test_gaps_of_a_fast_face_are_bridged():
    frames = [[seen(80 * n)] if n != 5 else [] for n in range(12)]
    for n, (face,) in enumerate(over_time(frames, 3)):
        assert face.presence == 1
        np.testing.assert_allclose(face.detection.box, seen(80 * n).detection.box, atol=1e-3)


@pytest.mark.parametrize(
    ("others", "same"),
    [
        ([seen(99)], True),
        ([seen(101)], False),
        ([seen(80, size=72)], True),
        ([seen(80, size=69)], False),
        ([seen(99), seen(99)], False),  # neither moves so fast
        ([seen(99), seen(170)], True),
    ],
)
def test_a_face_that_is_too_far_off_or_of_another_size_is_another(others, same):
    window = [[seen()], *([other] for other in others)]
    faces = steady_faces(window, 0, 3)
    assert [face.presence for face in faces] == [1 if same else pytest.approx(1 / 3)]


@pytest.mark.parametrize("speed", [-58, 20, 58])
def test_fast_faces_side_by_side_do_not_swap(speed):
    frames = [[seen(speed * n), seen(120 + speed * n, blur=3)] for n in range(9)]
    for n in (1, 4, 5):
        frames[n].reverse()
    for n, faces in enumerate(over_time(frames, 3)):
        places = {round(face.blur, 6): face.detection.box[0] - speed * n for face in faces}
        assert places == {1: pytest.approx(0, abs=1e-3), 3: pytest.approx(120, abs=1e-3)}
        assert [face.presence for face in faces] == [1, 1]


def test_a_face_that_is_missed_is_not_its_neighbour():
    # One comes back in the very frame in which the other, a side away, is missed.
    first, second = seen(), seen(95, blur=3)
    frames = [[first, second], [first, second], [first], [second], [first, second], [first, second]]
    for faces in over_time(frames, 3):
        assert sorted(face.blur for face in faces) == pytest.approx([1, 3])
        assert [face.presence for face in faces] == [1, 1]


def test_faces_that_take_turns_at_being_the_largest_fade():
    frames = [[seen(size=100), seen(300, size=90 if n < 7 else 110)] for n in range(14)]
    amounts = [
        [sum(f.presence for f in faces if (f.detection.box[0] > 150) == right) for right in (0, 1)]
        for faces in over_time(frames, 3, most=1)
    ]
    expected = [0.0] * 5 + [k / 5 for k in range(1, 5)] + [1.0] * 5
    assert [right for _, right in amounts] == pytest.approx(expected)
    assert [left + right for left, right in amounts] == pytest.approx([1] * 14)


def test_only_the_largest_are_there_and_a_miss_is_no_turn():
    frames = [
        [seen(size=90), seen(300, size=60)] if n != 4 else [seen(300, size=60)] for n in range(9)
    ]
    for faces in over_time(frames, 3, most=1):
        assert [(face.presence, face.detection.box[2]) for face in faces] == [(1, 90)]
    assert [len(faces) for faces in over_time(frames, 3, most=2)] == [2] * 9
    assert [len(faces) for faces in over_time(frames, 0, most=1)] == [1] * 9
