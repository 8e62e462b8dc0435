from pathlib import Path

import pytest

from smfd_plugin.vapoursynth.codecs import CODECS, check_container


@pytest.mark.parametrize("codec", CODECS)
def test_most_containers_are_left_to_ffmpeg(codec):
    for name in ("a.mkv", "a.MP4", "a.mov", "a.avi"):
        check_container(Path(name), codec)


def test_those_that_hold_few_codecs():
    check_container(Path("a.webm"), "av1")
    with pytest.raises(ValueError) as error:
        check_container(Path("films/a.WEBM"), "h264")
    assert str(error.value) == (
        "films/a.WEBM: .webm does not hold h264; take --codec av1, or name films/a.mkv"
    )
    with pytest.raises(ValueError, match=r"^a\.ogv: \.ogv does not hold av1; name a\.mkv$"):
        check_container(Path("a.ogv"), "av1")


def test_defaults_can_be_chosen():
    for codec in CODECS.values():
        assert (codec.quality is None) == (codec.worst is None)
        assert codec.quality is None or 0 < codec.quality < codec.worst
