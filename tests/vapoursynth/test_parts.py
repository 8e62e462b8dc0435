import numpy as np
import pytest
import torch
import vapoursynth as vs

from smfd_plugin.restore import Detection
from smfd_plugin.vapoursynth.parts import (
    change_frame,
    cut_luma,
    cut_out,
    moved,
    paste,
    surroundings,
    widened,
)
from smfd_plugin.vapoursynth.properties import BOX


def frame_of(form: int, width: int = 64, height: int = 48) -> vs.VideoFrame:
    """Each sample of a plane is another, counted in rows."""
    frame = vs.core.create_video_frame(vs.core.get_video_format(form), width, height)
    for i, plane in enumerate(frame):
        values = np.asarray(plane)
        values[:] = (np.arange(values.size) + 1000 * i).reshape(values.shape)
    return frame


def test_a_part_is_cut_out_of_the_picture_or_of_a_part_of_it():
    whole = frame_of(vs.RGBS)
    expected = np.stack([np.asarray(plane)[10:20, 30:50] for plane in whole])
    assert np.array_equal(cut_out(whole, (30, 10, 50, 20)), expected)
    part = whole.copy()
    part.props[BOX] = (5, 7, 69, 55)  # its first pixel is the picture's (5, 7)
    assert np.array_equal(cut_out(part, (35, 17, 55, 27)), expected)


@pytest.mark.parametrize(("form", "plane"), [(vs.RGB24, 1), (vs.YUV420P16, 0), (vs.GRAYS, 0)])
def test_luma_is_the_first_plane_and_green_in_rgb(form, plane):
    frame = frame_of(form)
    luma = cut_luma(frame, (3, 4, 20, 9))
    assert (luma.dtype, luma.shape) == (torch.float32, (1, 5, 17))
    assert np.array_equal(luma[0], np.asarray(frame[plane])[4:9, 3:20].astype(np.float32))


def test_a_change_is_the_difference_and_knows_its_place():
    before, after = torch.rand(2, 3, 4, 6)
    frame = change_frame(before, after, (2, 4, 8, 8))
    assert list(frame.props[BOX]) == [2, 4, 8, 8]
    planes = np.stack([np.asarray(plane) for plane in frame])
    assert np.array_equal(planes, (after - before).numpy())


def test_a_part_is_pasted_at_its_place_in_planes_of_every_size():
    whole, part = frame_of(vs.YUV420P8).copy(), frame_of(vs.YUV420P8, 16, 8)
    before = [np.asarray(plane).copy() for plane in whole]
    paste(whole, part, (20, 12))
    for i, (x, y) in enumerate([(20, 12), (10, 6), (10, 6)]):
        small = np.asarray(part[i])
        before[i][y : y + small.shape[0], x : x + small.shape[1]] = small
        assert np.array_equal(np.asarray(whole[i]), before[i])


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((100, 200, 150, 260), (64, 160, 192, 288)),  # 84 184 166 276 on a grid of 32
        ((112, 208, 144, 240), (96, 192, 160, 256)),  # 96 192 160 256 lies on it already
        ((3, 5, 630, 470), (0, 0, 640, 480)),  # within the picture
    ],
)
def test_a_box_is_widened_by_sixteen_pixels_and_to_a_grid(box, expected):
    assert widened(box, (480, 640)) == expected


def test_nothing_surrounds_no_face():
    assert surroundings([], (480, 640)) is None


def test_a_face_is_moved_into_a_part():
    face = Detection(
        np.float32([10, 20, 30, 40]), np.arange(10, dtype=np.float32).reshape(5, 2), 0.9
    )
    there = moved(face, (4, 6))
    assert there.box.tolist() == [6, 14, 26, 34]
    assert there.landmarks[0].tolist() == [-4, -5]
    assert there.score == 0.9
