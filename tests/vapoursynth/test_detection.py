"""Where a scene begins."""

import numpy as np
import pytest
import torch
import vapoursynth as vs

from smfd_plugin.vapoursynth.colour import describe
from smfd_plugin.vapoursynth.detection import find_faces
from smfd_plugin.vapoursynth.properties import CUT
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
