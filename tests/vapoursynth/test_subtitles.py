import pytest

from smfd_plugin.vapoursynth.subtitles import subtitle_options


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mp4", ["-c:s:0", "mov_text", "-c:s:1", "mov_text"]),
        (".mkv", ["-c:s:2", "subrip"]),
        (".avi", []),
    ],
)
def test_texts_are_converted_where_they_have_to_be(suffix, options):
    codecs = ["subrip", "ass", "mov_text", "hdmv_pgs_subtitle"]
    assert subtitle_options(codecs, suffix) == options
