"""Clips as seen from frames before and after, also where there are none."""

import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth.window import cached, shift, window


def numbered(length: int) -> vs.VideoNode:
    """Frames of 4 x 2 white pixels that know their number."""
    clip = vs.core.std.BlankClip(None, 4, 2, vs.GRAY8, length=length, color=255)

    def write(n, f):
        frame = f.copy()
        frame.props["Number"] = n
        return frame

    return clip.std.ModifyFrame(clip, write)


def numbers(clip: vs.VideoNode) -> list[int | None]:
    return [frame.props.get("Number") for frame in clip.frames()]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (0, [0, 1, 2, 3]),
        (1, [1, 2, 3, None]),
        (3, [3, None, None, None]),
        (-1, [None, 0, 1, 2]),
        (-3, [None, None, None, 0]),
        (4, [None] * 4),
        (-4, [None] * 4),
        (9, [None] * 4),
        (-9, [None] * 4),
    ],
)
def test_a_clip_is_shifted_and_padded_to_its_length(by, expected):
    assert numbers(shift(numbered(4), by)) == expected


def test_padding_is_black_and_of_the_clips_size_and_format():
    clip = numbered(2)
    shifted = shift(clip, 1)
    assert (shifted.width, shifted.height, shifted.format.id) == (4, 2, vs.GRAY8)
    assert [frame[0][1, 3] for frame in shifted.frames()] == [255, 0]


@pytest.mark.parametrize(("by", "widths"), [(1, [6, 1]), (-1, [1, 4])])
def test_a_clip_of_many_sizes_is_padded_with_single_pixels(by, widths):
    clip = vs.core.std.Splice([numbered(1), numbered(1).std.AddBorders(2)], mismatch=True)
    shifted = shift(clip, by)
    assert (shifted.width, shifted.height) == (0, 0)
    assert [frame.width for frame in shifted.frames()] == widths


def test_a_window_goes_from_the_frames_before_to_those_after():
    seen = [numbers(clip) for clip in window(numbered(3), 2)]
    assert seen == [
        [None, None, 0],
        [None, 0, 1],
        [0, 1, 2],
        [1, 2, None],
        [2, None, None],
    ]


def test_a_window_without_neighbours_is_the_clip():
    clip = numbered(3)
    (only,) = window(clip, 0)
    assert only is clip


def test_so_many_frames_are_kept():
    calls = []
    blank = vs.core.std.BlankClip(None, 4, 2, vs.GRAY8, length=8)
    clip = cached(blank.std.ModifyFrame(blank, lambda n, f: calls.append(n) or f), 2)
    for n in (0, 1, 0, 1, 2, 1, 2, 0):
        clip.get_frame(n)
    assert calls == [0, 1, 2, 0]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_clip_may_be_shorter_than_the_window(portrait, restored, length):
    sharp = restored(portrait(length=length), temporal=15)
    amounts = [frame.props["SMFDAmounts"] for frame in sharp.frames()]
    assert amounts == [1] * length
