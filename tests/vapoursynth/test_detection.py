"""Where a scene begins, and where a picture lies between its bars."""

import numpy as np
import pytest
import torch
import vapoursynth as vs

from smfd_plugin.restore import Detection
from smfd_plugin.restore.detect import search_size
from smfd_plugin.vapoursynth.colour import describe
from smfd_plugin.vapoursynth.detection import find_faces
from smfd_plugin.vapoursynth.properties import CONTENT, CUT
from smfd_plugin.vapoursynth.streams import plan_streams


def cuts(clip: vs.VideoNode) -> list[int]:
    """The frames that begin a scene; the first does, whatever comes before it."""
    streams = plan_streams(1, torch.device("cpu"))
    found = find_faces(describe(clip, None), lambda image: [], 32, streams)
    return [n for n, frame in enumerate(found.frames()) if n and frame.props[CUT]]


def dimmed(clip: vs.VideoNode, brightness: float) -> vs.VideoNode:
    return clip.std.Expr(f"x {brightness} *")


@pytest.fixture
def shots(portrait) -> vs.VideoNode:
    """Two shots of the portrait, which moves, in other framings."""
    other = portrait(length=4).resize.Bicubic(640, 640).std.CropAbs(256, 256, 384, 384)
    return portrait(length=4) + other


@pytest.fixture
def contents():
    """What lies between the bars of each frame in which a detector finds that."""

    def call(clip: vs.VideoNode, faces: list[Detection]) -> list[tuple[int, ...]]:
        streams = plan_streams(1, torch.device("cpu"))
        found = find_faces(describe(clip, None), lambda image: faces, 32, streams)
        return [tuple(frame.props[CONTENT]) for frame in found.frames()]

    return call


@pytest.mark.parametrize("width, height", [(384, 384), (2880, 1620)])
def test_bars_are_left_out_of_a_frame_and_no_more(contents, width, height):
    whole = vs.core.std.BlankClip(None, width, height, vs.RGB24, length=1, color=[150] * 3)
    assert contents(whole, []) == [(0, 0, width, height)]
    barred = whole.std.Crop(60, 0, 100, 101).std.AddBorders(60, 0, 100, 101)
    ((left, top, right, bottom),) = contents(barred, [])
    scale = width / search_size(height, width)[1]
    assert right == width
    assert 60 <= left <= 60 + 2 * scale - 2
    assert 100 <= top <= 100 + 2 * scale - 2
    assert height - 101 - 2 * scale + 2 <= bottom <= height - 101


def test_a_face_lies_in_no_bar(contents):
    dark = vs.core.std.BlankClip(None, 384, 384, vs.RGB24, length=1, color=[10] * 3)
    lamp = dark.std.Crop(0, 40, 0, 40).std.AddBorders(0, 40, 0, 40, color=[250] * 3)
    landmarks = np.float32([(100, 80), (140, 80), (120, 100), (110, 120), (130, 120)])
    face = Detection(np.float32([80, 50, 160, 150]), landmarks, 1.0)
    assert contents(lamp, [face]) == [(0, 0, 384, 384)]
    assert contents(lamp.std.Crop(0, 0, 0, 40), []) == [(344, 0, 384, 344)]


def test_marks_of_scenes_that_are_no_number_are_passed_over(shots):
    marked = shots.std.SetFrameProps(_SceneChangePrev=[1, 0])
    assert cuts(marked) == [4]


@pytest.mark.parametrize("brightness", [1, 0.5, 0.3, 0.15])
def test_a_cut_counts_by_how_bright_the_frames_are(shots, brightness):
    assert cuts(dimmed(shots, brightness)) == [4]


def test_differences_of_bright_frames_count_as_before():
    grey, near, far = (vs.core.std.BlankClip(None, 64, 64, vs.RGB24, length=2, color=[level] * 3)
                       for level in (128, 150, 156))  # fmt: skip
    assert cuts(grey + near) == []
    assert cuts(grey + far) == [2]


def test_noise_in_the_dark_is_no_cut(planes):
    rng = np.random.default_rng(0)
    black = vs.core.std.BlankClip(None, 160, 120, vs.RGB24, length=6)

    def grain(n, f):
        frame = f.copy()
        for plane in range(3):
            noise = rng.normal(0, 8, (120, 160)).round().clip(0, 255)
            np.copyto(np.asarray(frame[plane]), noise.astype(np.uint8))
        return frame

    assert cuts(black.std.ModifyFrame(black, grain)) == []
