import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth.window import cached, shift, window


@pytest.fixture
def numbered():
    """Four frames, 8 pixels wide, that know their numbers, from 1."""
    blank = vs.core.std.BlankClip(width=8, height=6, format=vs.GRAY8, length=4)
    return blank.std.FrameEval(lambda n: blank.std.SetFrameProps(Number=n + 1))


def numbers(clip):
    """Of each frame; 0 where there is none."""
    return [frame.props.get("Number", 0) for frame in clip.frames()]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (0, [1, 2, 3, 4]),
        (1, [2, 3, 4, 0]),
        (-1, [0, 1, 2, 3]),
        (3, [4, 0, 0, 0]),
        (-4, [0, 0, 0, 0]),
        (9, [0, 0, 0, 0]),
    ],
)
def test_a_clip_is_seen_from_other_frames(numbered, by, expected):
    shifted = shift(numbered, by)
    assert numbers(shifted) == expected
    assert (shifted.width, shifted.height, shifted.num_frames) == (8, 6, 4)


def test_a_window_goes_from_before_to_after(numbered):
    assert [numbers(clip) for clip in window(numbered, 1)] == [
        [0, 1, 2, 3],
        [1, 2, 3, 4],
        [2, 3, 4, 0],
    ]
    assert [numbers(clip) for clip in window(numbered, 0)] == [[1, 2, 3, 4]]


def test_frames_may_differ_in_size():
    sizes = [vs.core.std.BlankClip(width=8 * k, height=8, length=1) for k in (1, 2)]
    varied = vs.core.std.Splice(sizes, mismatch=True)
    widths = [frame.width for frame in shift(varied, 1).frames()]
    assert widths == [16, 1]


def test_frames_are_kept():
    made = []
    blank = vs.core.std.BlankClip(width=8, height=8, length=3)
    clip = cached(blank.std.ModifyFrame(blank, lambda n, f: made.append(n) or f), 2)
    for n in (0, 1, 0, 1):
        clip.get_frame(n)
    assert made == [0, 1]
