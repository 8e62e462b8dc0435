import pytest

from smfd_plugin.vapoursynth.subtitles import lost_texts, subtitle_options


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mp4", ["-c:s:0", "mov_text", "-c:s:1", "mov_text"]),
        (".mkv", ["-c:s:2", "subrip"]),
        (".3gp", ["-c:s:0", "mov_text", "-c:s:1", "mov_text"]),
        (".webm", ["-c:s:0", "webvtt", "-c:s:1", "webvtt", "-c:s:2", "webvtt"]),
        (".ts", ["-map", "-1:s:0", "-map", "-1:s:1", "-map", "-1:s:2"]),
        (".unknown", []),
    ],
)
def test_texts_are_converted_where_they_have_to_be(suffix, options):
    codecs = ["subrip", "ass", "mov_text", "hdmv_pgs_subtitle"]
    assert subtitle_options(codecs, suffix) == options


def test_pictures_are_no_lost_texts():
    assert lost_texts(["dvb_subtitle", "subrip"], ".ts") == [1]
    assert not lost_texts(["dvb_subtitle", "subrip"], ".mkv")
