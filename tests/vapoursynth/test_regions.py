"""Parts of pictures in place of whole ones: the same samples."""

import numpy as np
import pytest
import vapoursynth as vs

from smfd_plugin.restore import Detection, Sighting
from smfd_plugin.vapoursynth.colour import colour_of, describe
from smfd_plugin.vapoursynth.parts import widened
from smfd_plugin.vapoursynth.properties import BOX, write_faces
from smfd_plugin.vapoursynth.regions import face_regions

FORMATS = ["YUV420P8", "YUV410P8", "YUV440P8", "YUV444PH", "GRAY8", "RGB24", "RGBS"]


def sightings(*centres: tuple[int, int]) -> list[Sighting]:
    """Upright faces, 30 pixels wide."""
    box = np.float32([-15, -20, 15, 20])
    landmarks = np.float32([(-8, -8), (8, -8), (0, 0), (-6, 8), (6, 8)])
    return [
        Sighting(Detection(box + np.tile(centre, 2), landmarks + np.float32(centre), 1.0), 3.0)
        for centre in centres
    ]


def tracks(clip: vs.VideoNode, *frames: list[Sighting]) -> vs.VideoNode:
    """Tiny frames with these faces as properties."""
    blank = clip.std.BlankClip(width=1, height=1, format=vs.GRAY8, keep=True)

    def write(n, f):
        frame = f.copy()
        write_faces(frame.props, frames[n])
        return frame

    return blank.std.ModifyFrame(blank, write)


@pytest.mark.parametrize("name", FORMATS)
def test_faces_regions_have_the_samples_of_the_whole_picture(portrait, name, planes):
    clip = describe(portrait(getattr(vs, name)), None)
    found, faces = (sightings((100, 120)), []), (sightings((140, 90)), [])
    parts = face_regions(clip, tracks(clip, *found, []), tracks(clip, *faces, []))
    whole = clip.resize.Bicubic(format=vs.RGBS).get_frame(0)
    part = parts.get_frame(0)
    left, top, right, bottom = part.props[BOX]
    assert (part.width, part.height) == (right - left, bottom - top)
    assert left <= 85 and top <= 70 and right >= 155 and bottom >= 140
    assert part.width < 256
    for one, other in zip(planes(whole), planes(part), strict=True):
        inner = one[top + 8 : bottom - 8, left + 8 : right - 8]
        assert np.abs(inner - other[8:-8, 8:-8]).max() < 1e-6
    assert BOX not in parts.get_frame(1).props


@pytest.mark.parametrize("name", FORMATS)
def test_a_change_of_a_part_is_that_of_the_whole_picture(portrait, name, planes, change_of):
    clip = portrait(getattr(vs, name))
    change = np.zeros((3, 256, 256), np.float32)
    change[:, 97:131, 65:142] = np.random.default_rng(0).uniform(-0.2, 0.2, (3, 34, 77))
    colour = colour_of(clip.get_frame(0))
    part, whole = (
        colour.add_change(clip, change_of(clip, change, box)).get_frame(1)
        for box in ((32, 64, 160, 160), (0, 0, 256, 256))
    )
    unchanged = clip.get_frame(1)
    assert dict(part.props) == dict(unchanged.props)
    for before, one, other in zip(planes(unchanged), planes(part), planes(whole), strict=True):
        assert (one != before).any()
        tolerance = 0 if before.dtype.kind == "u" else 1e-6
        assert np.abs(one.astype(np.float64) - other).max() <= tolerance


def test_no_change_gives_back_the_clip(portrait, same):
    clip = portrait(vs.YUV420P8)
    nothing = clip.std.BlankClip(format=vs.RGBS, varsize=True)
    changed = colour_of(clip.get_frame(0)).add_change(clip, nothing)
    assert same(changed.get_frame(0), clip.get_frame(0))


def test_widened_boxes_have_room_lie_on_a_grid_and_keep_within_the_picture():
    assert widened((100, 50, 200, 90), (1000, 1000)) == (64, 32, 224, 128)
    assert widened((48, 48, 48, 48), (1000, 1000)) == (32, 32, 64, 64)
    assert widened((3, 3, 60, 70), (75, 61)) == (0, 0, 61, 75)
