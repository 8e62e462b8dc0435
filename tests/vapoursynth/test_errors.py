"""Errors inside a frame: one line with its number."""

import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth.errors import PREFIX, catch_errors, message
from smfd_plugin.vapoursynth.properties import ERROR


@pytest.fixture
def frame() -> vs.VideoFrame:
    clip = vs.core.std.BlankClip(None, 4, 2, vs.GRAY8, length=1, color=7)
    return clip.std.SetFrameProps(Mine=1).get_frame(0)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no lamp"), "smfd.Deblur: frame 12: no lamp"),
        (MemoryError(), "smfd.Deblur: frame 12: MemoryError"),
        (KeyError("lamp"), "smfd.Deblur: frame 12: 'lamp'"),
    ],
)
def test_a_message_has_the_number_and_the_error_or_its_kind(error, expected):
    assert message(12, error) == expected
    assert expected.startswith(PREFIX)


def test_a_stage_without_an_error_is_as_it_was(frame):
    @catch_errors
    def stage(n, f):
        """Its own."""
        return n, f

    assert stage(3, frame) == (3, frame)
    assert (stage.__name__, stage.__doc__) == ("stage", "Its own.")


@pytest.mark.parametrize("several", [False, True])
def test_an_error_is_a_property_of_a_copy_of_the_first_frame(frame, several):
    @catch_errors
    def broken(n, f):
        raise OSError("no lamp")

    failed = broken(5, [frame, frame.copy()] if several else frame)
    assert dict(failed.props) == {**frame.props, ERROR: "smfd.Deblur: frame 5: no lamp"}
    assert ERROR not in frame.props
    assert failed[0][1, 3] == 7


def test_the_first_of_several_frames_is_returned(frame):
    other = vs.core.std.BlankClip(None, 9, 9, vs.GRAY8, length=1).get_frame(0)
    failed = catch_errors(lambda n, f: 1 / 0)(0, [frame, other])
    assert (failed.width, failed.props["Mine"]) == (4, 1)


def test_an_interrupt_is_no_error_of_a_frame(frame):
    @catch_errors
    def interrupted(n, f):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(0, frame)


def test_check_raises_the_property_as_the_frames_error():
    clip = vs.core.std.BlankClip(None, 4, 2, vs.GRAY8, length=3)

    @catch_errors
    def stage(n, f):
        if n == 1:
            raise ValueError("no lamp")
        return f

    checked = vs.core.smfd.Check(clip.std.ModifyFrame(clip, stage))
    for n in (0, 2):
        assert ERROR not in checked.get_frame(n).props
    with pytest.raises(vs.Error) as error:
        checked.get_frame(1)
    assert str(error.value) == "smfd.Deblur: frame 1: no lamp"


def test_an_error_inside_a_frame_is_one_line_with_its_number(portrait, restored, monkeypatch):
    def broken(*arguments, **more):
        raise RuntimeError("the lamp went out")

    monkeypatch.setattr("smfd_plugin.vapoursynth.restorer.deblur_faces", broken)
    with pytest.raises(vs.Error) as error:
        restored(portrait()).get_frame(2)
    assert str(error.value) == "smfd.Deblur: frame 2: the lamp went out"


def test_an_error_of_the_detector_is_one_line_with_its_number(portrait, restored, monkeypatch):
    monkeypatch.setattr("smfd_plugin.vapoursynth.detection.measure_blur", lambda *_: 1 / 0)
    with pytest.raises(vs.Error) as error:
        restored(portrait(), temporal=0).get_frame(1)
    assert str(error.value) == "smfd.Deblur: frame 1: division by zero"
