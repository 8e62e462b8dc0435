"""What is restored of which frames, and how it gets into one, by a network that is none."""

import numpy as np
import pytest
import torch
import vapoursynth as vs

from smfd_plugin.restore import AlignedFace, Detection, Sighting, faces_region, make_detector
from smfd_plugin.restore.fusion import View
from smfd_plugin.vapoursynth import deblur
from smfd_plugin.vapoursynth.parts import moved, surroundings
from smfd_plugin.vapoursynth.properties import BOX, CONTENT, ERROR, write_faces, write_paths
from smfd_plugin.vapoursynth.restoration import restorations
from smfd_plugin.vapoursynth.streams import Streams

SIZE = 240, 320
FORM = np.float32([(-8, -8), (8, -8), (0, 0), (-6, 8), (6, 8)])


def face(x: float, y: float, size: int = 1, blur: float = 3.0, score: float = 1.0) -> Sighting:
    """An upright face, 30 pixels wide at size 1."""
    box = np.float32([-15, -20, 15, 20]) * size + np.float32([x, y, x, y])
    return Sighting(Detection(box, FORM * size + np.float32([x, y]), score), blur)


NO_FACE = Sighting(Detection(np.float32([75, 70, 105, 110]), FORM * 0, 1.0), 3.0)


class Restorer:
    """Adds the sum of the amounts. Views have the number of their frame as detail, and a crop that
    begins at the box; what has a score of 0 is no face.

    Attributes:
        asked: for each call, the frame's number, the size of the part and the faces' boxes there.
        blended: for each call, own views, others' weights by frame, and amounts.
        contents: for each call of either, the part that is no bar.
    """

    def __init__(self) -> None:
        self.asked, self.blended, self.contents = [], [], []

    def deblur(self, image, detections, content):
        self.contents.append(content)
        number = round(float(image[0, 0, 0]) * 10)
        self.asked.append((number, image.shape[:0:-1], [each.box.tolist() for each in detections]))
        none = torch.zeros(3, 1, 1)
        views = []
        for each in detections:
            to_crop = np.hstack((np.eye(2), -each.box[:2, None]))
            aligned = AlignedFace(each, to_crop, none, none, none)
            views.append(View(aligned, none, none[0].numpy(), number) if each.score else None)
        return views

    def blend(self, image, faces, amounts, content):
        self.contents.append(content)
        others = [{other.detail: weight for other, weight in near} for _, near in faces]
        self.blended.append(([own for own, _ in faces], others, amounts))
        return image + sum(amounts)


@pytest.fixture
def restorer() -> Restorer:
    return Restorer()


@pytest.fixture
def run(restorer):
    """The stage, given the faces found in each grey frame, and those to restore with their amounts
    and paths."""

    def call(
        found, steady, radius=0, sharp_gate=1.0, max_faces=0, content=(0, 0, 320, 240)
    ) -> vs.VideoNode:
        height, width = SIZE
        grey = vs.core.std.BlankClip(None, width, height, vs.RGBS, len(found))
        rgb = grey.std.FrameEval(lambda n: grey.std.Expr(str(n / 10)))
        tiny = vs.core.std.BlankClip(None, 1, 1, vs.GRAY8, len(found))

        def write_found(n, f):
            frame = f.copy()
            frame.props[CONTENT] = content
            write_faces(frame.props, found[n])
            return frame

        def write_steady(n, f):
            frame = f.copy()
            faces, amounts, paths = zip(*steady[n], strict=True) if steady[n] else ([], [], [])
            write_faces(frame.props, faces, amounts)
            write_paths(frame.props, paths, radius)
            return frame

        clips = [tiny.std.ModifyFrame(tiny, write) for write in (write_found, write_steady)]
        limits = {"radius": radius, "sharp_gate": sharp_gate, "max_faces": max_faces}
        return restorations(rgb, SIZE, *clips, restorer, Streams(1, 1), **limits)

    return call


@pytest.mark.parametrize("steady", [[], [(face(90, 90), 0.0, {0: 0})], [(NO_FACE, 1.0, {})]])
def test_where_nothing_changes_nothing_is_computed(run, restorer, steady):
    frame = run([[face(90, 90)]], [steady]).get_frame(0)
    assert (frame.format.id, BOX in frame.props, ERROR in frame.props) == (vs.RGBS, False, False)
    assert not restorer.asked and not restorer.blended


def test_a_change_is_of_the_part_around_the_face(run, restorer, planes):
    one = face(200, 150)
    frame = run([[], [one]], [[], [(one, 0.25, {0: 0})]]).get_frame(1)
    box = surroundings([one.detection], SIZE)
    assert tuple(frame.props[BOX]) == box
    assert (frame.width, frame.height) == (box[2] - box[0], box[3] - box[1])
    np.testing.assert_allclose(planes(frame), 0.25, atol=1e-6)
    seen = left, top, right, bottom = faces_region([one.detection], SIZE)
    there = moved(one.detection, seen[:2]).box.tolist()
    assert restorer.asked == [(1, (right - left, bottom - top), [there])]
    ((views, others, amounts),) = restorer.blended
    inside = moved(one.detection, box[:2])
    assert np.array_equal(views[0].face.detection.box, inside.box)
    assert np.array_equal(views[0].face.detection.landmarks, inside.landmarks)
    assert np.array_equal(views[0].face.to_crop[:, 2], -inside.box[:2])
    assert (others, amounts) == ([{}], [0.25])


def test_bars_are_those_of_the_whole_picture(run, restorer):
    one = face(200, 150)
    steady = [[(one, 1.0, {0: 0})]]
    run([[one]], steady, content=(190, 0, 320, 240)).get_frame(0)
    seen, blended = faces_region([one.detection], SIZE), surroundings([one.detection], SIZE)
    for (left, top, right, bottom), content in zip((seen, blended), restorer.contents, strict=True):
        assert content == (190 - left, 0, right - left, bottom - top)
    restorer.contents.clear()
    run([[one]], steady, content=(0, 0, 5, 5)).get_frame(0)  # none of it is there
    assert restorer.contents[0] == (0, 0, seen[2] - seen[0], seen[3] - seen[1])


@pytest.mark.parametrize("order", [range(7), [6, 0, 3, 3, 5, 1, 4, 2]])
def test_the_frames_around_count_by_their_distance_and_are_restored_once(run, restorer, order):
    found = [[face(90 + n, 90)] for n in range(7)]
    paths = [{k: 0 for k in range(-2, 3) if 0 <= n + k < 7} for n in range(7)]
    clip = run(found, [[(found[n][0], 1.0, paths[n])] for n in range(7)], radius=2)
    for n in order:
        clip.get_frame(n)
        (own,), (others,), _ = restorer.blended[-1]
        assert own.detail == n
        near = {n + k: 1 - abs(k) / 3 for k in (-2, -1, 1, 2) if 0 <= n + k < 7}
        assert others == pytest.approx(near)
    if order == range(7):
        assert sorted(number for number, *_ in restorer.asked) == list(order)


def test_sharp_faces_of_the_frames_around_do_not_count(run, restorer):
    found = [[face(90, 90, blur=blur)] for blur in (1.0, 3.0, 1.2)]  # the gate opens at 1
    path = {-1: 0, 0: 0, 1: 0}
    run(found, [[], [(found[1][0], 1.0, path)], []], radius=1).get_frame(1)
    ((_, others, _),) = restorer.blended
    assert others == [{2: 0.5}]
    assert sorted(number for number, *_ in restorer.asked) == [1, 2]


@pytest.mark.parametrize(
    ("found", "path"),
    [([], {}), ([], {-1: 0}), ([face(99, 90, blur=0.5)], {0: 0})],
)
def test_a_face_that_is_missed_or_sharp_in_its_frame_is_restored_at_its_place(
    run, restorer, found, path
):
    steady = face(120, 90)
    run([[face(90, 90)], found], [[], [(steady, 1.0, path)]], radius=1).get_frame(1)
    (((own,), (others,), _),) = restorer.blended
    left = own.face.detection.box[0] + surroundings([steady.detection], SIZE)[0]
    assert (own.detail, left) == (1, 105)
    assert others == ({0: 0.5} if -1 in path else {})


def test_only_the_largest_faces_of_a_frame_are_restored(run, restorer):
    small, large = face(60, 60), face(200, 120, size=2)
    frames = [[small, large]] * 2
    steady = [(large, 1.0, {0: 1, -1: 1})]
    run(frames, [steady, steady], radius=1, max_faces=1).get_frame(1)
    (((own,), (others,), _),) = restorer.blended
    width = own.face.detection.box[2] - own.face.detection.box[0]
    assert (own.detail, width, others) == (1, 60, {0: 0.5})
    assert [len(boxes) for _, _, boxes in restorer.asked] == [1, 1]


def test_what_is_no_face_is_left_out(run, restorer, planes):
    none, one = face(60, 60, score=0.0), face(200, 120)
    frame = run([[none, one]], [[(none, 0.5, {0: 0}), (one, 0.25, {0: 1})]]).get_frame(0)
    assert tuple(frame.props[BOX]) == surroundings([one.detection], SIZE)
    np.testing.assert_allclose(planes(frame), 0.25, atol=1e-6)


def test_an_error_names_its_frame(run, restorer):
    restorer.blend = None
    error = run([[], [face(90, 90)]], [[], [(face(90, 90), 1.0, {0: 0})]]).get_frame(1).props[ERROR]
    assert error == "smfd.Deblur: frame 1: 'NoneType' object is not callable"


def test_noise_is_averaged_and_a_blink_stays(
    portrait, identity_weights, planes, astronaut, close_eyes, drawn
):
    rng = np.random.default_rng(0)
    still = np.ascontiguousarray(astronaut[:256, 96:352, ::-1])
    (face,) = make_detector("tiny")(torch.from_numpy(still).permute(2, 0, 1) / 255)
    shut = close_eyes(still, face.landmarks)
    clean = [shut if 4 <= n < 7 else still for n in range(11)]
    noisy = [(x + rng.normal(0, 5, x.shape)).round().clip(0, 255).astype(np.uint8) for x in clean]
    sharp = deblur(drawn(noisy), weights=identity_weights, sharp_gate=0)
    left, top, right, bottom = (int(x) for x in face.box)
    inner = np.s_[top + 25 : bottom - 25, left + 25 : right - 25]
    for n in range(3, 8):
        result = np.stack(planes(sharp.get_frame(n)), -1).astype(np.float32)
        assert (result - clean[n])[inner].std() < 0.9 * (1.0 * noisy[n] - clean[n])[inner].std()
        for x, y in face.landmarks[:2].round().astype(int):
            eye = np.s_[y - 3 : y + 4, x - 6 : x + 7]
            blink = np.abs(still[eye].mean((0, 1)) - shut[eye].mean((0, 1))).mean()
            change = np.abs(result[eye].mean((0, 1)) - clean[n][eye].mean((0, 1))).mean()
            assert blink > 20 and change < 0.05 * blink
