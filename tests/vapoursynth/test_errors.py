import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth.errors import catch_errors, message
from smfd_plugin.vapoursynth.properties import ERROR


@pytest.fixture
def frame():
    return vs.core.std.BlankClip(width=8, height=8, length=1, color=[9, 9, 9]).get_frame(0)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no such face"), "smfd.Deblur: frame 7: no such face"),
        (KeyError(), "smfd.Deblur: frame 7: KeyError"),
    ],
)
def test_a_message_has_the_frames_number(error, expected):
    assert message(7, error) == expected


@pytest.mark.parametrize("several", [False, True])
def test_an_error_travels_as_a_property_of_the_first_frame(frame, several):
    def stage(n, f):
        """Always fails."""
        raise RuntimeError("the lamp went out")

    caught = catch_errors(stage)
    result = caught(3, [frame, None] if several else frame)
    assert result.props[ERROR] == "smfd.Deblur: frame 3: the lamp went out"
    assert ERROR not in frame.props  # it is a copy
    assert result[0][0, 0] == 9
    assert caught.__doc__ == "Always fails."


def test_what_works_passes_and_an_interrupt_too(frame):
    assert catch_errors(lambda n, f: f)(0, frame) is frame

    def stop(n, f):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catch_errors(stop)(0, frame)
