"""Clips of a portrait in any format."""

from collections.abc import Callable

import numpy as np
import pytest
import vapoursynth as vs
from skimage import data

PORTRAIT = data.astronaut()[0:256, 96:352]


def portrait_clip(form: int = vs.RGB24, length: int = 3, matrix: int = 1) -> vs.VideoNode:
    """The portrait, moved by two pixels a frame, in this format, with frame properties."""
    blank = vs.core.std.BlankClip(width=256, height=256, format=vs.RGB24, length=length)

    def draw(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        for plane in range(3):
            np.copyto(np.asarray(frame[plane]), np.roll(PORTRAIT[..., plane], 2 * n, 1))
        return frame

    clip = blank.std.ModifyFrame(blank, draw)
    family = vs.core.get_video_format(form).color_family
    if form != vs.RGB24:
        options = {} if family == vs.RGB else {"matrix": matrix}
        clip = clip.resize.Bicubic(format=form, **options)
    return clip.std.SetFrameProps(Mine=7)


def planes(frame: vs.VideoFrame) -> list[np.ndarray]:
    return [np.asarray(plane).copy() for plane in frame]


@pytest.fixture
def portrait() -> Callable[..., vs.VideoNode]:
    return portrait_clip
