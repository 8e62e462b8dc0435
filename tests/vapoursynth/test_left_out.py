"""What is said of a film that the result will not have."""

from fractions import Fraction
from pathlib import Path

import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth.film import Film, read_film
from smfd_plugin.vapoursynth.left_out import left_out
from smfd_plugin.vapoursynth.tracks import Tracks

MADE = ("-f", "lavfi", "-i", "testsrc=rate=10:duration=4:size=64x48,format=yuv420p")


def film(form=vs.YUV420P8, props=None, **more):
    clip = vs.core.std.BlankClip(None, 64, 48, form, 10, 10, 1).std.SetFrameProps(**(props or {}))
    return Film(Path("in.mkv"), clip, list(range(10)), Fraction(1, 10), (64, 48), **more)


def test_nothing_is_said_of_what_is_kept():
    light = {"_Range": 1, "_SARNum": 4, "_SARDen": 3}
    assert not list(left_out(film(props=light, duration=1.0), ".mp4", "h264"))


@pytest.mark.parametrize(
    ("props", "tracks", "start", "said"),
    [
        (
            {"ContentLightLevelMax": 1000},
            Tracks(),
            0,
            "HDR10 metadata, the result will not have it",
        ),
        (
            {"ContentLightLevelMax": 1, "MasteringDisplayMaxLuminance": 1000.0},
            Tracks(data=1),
            0,
            "HDR10 metadata and a time code or other data, the result will not have them",
        ),
        ({}, Tracks(covers=1), 0.5, "a cover picture, the result will not have it"),
    ],
)
def test_losses_are_named_once(props, tracks, start, said):
    lossy = film(props=props, tracks=tracks, start=start)
    assert list(left_out(lossy, ".mp4", "h264")) == [f"has {said}"]


@pytest.mark.parametrize(
    ("form", "codec", "said"),
    [
        (vs.YUV420P16, "h264", "is YUV420P16, h264 holds no more than 10 bits; --codec ffv1 keeps"),
        (vs.RGB36, "prores", "than 10 bits; --codec h265 or ffv1 keeps all"),
        (vs.YUV444P8, "av1", "than 10 bits and 4:2:0; --codec h265 or ffv1 keeps all"),
        (vs.RGB24, "av1", "is RGB24, av1 holds no more than 10 bits and 4:2:0"),
        (vs.YUV420P10, "av1", None),
        (vs.GRAY8, "av1", None),
        (vs.YUV444P10, "h264", None),
        (vs.YUV444P12, "h265", None),
        (vs.RGB48, "ffv1", None),
    ],
)
def test_samples_that_a_codec_does_not_hold(form, codec, said):
    sentences = list(left_out(film(form), ".mkv", codec))
    assert len(sentences) == bool(said)
    assert not said or said in sentences[0]


def test_texts_that_a_container_does_not_hold():
    words = film(tracks=Tracks(subtitles=("subrip", "dvb_subtitle")))
    said = "has subtitles in text, which .ts cannot hold; they are left out (.mp4 and .mkv keep"
    assert [sentence.startswith(said) for sentence in left_out(words, ".ts", "h264")] == [True]
    assert not list(left_out(words, ".mkv", "h264"))


def test_names_of_chapters_are_no_other_data(tmp_path, ffmpeg):
    names, source = tmp_path / "names.txt", tmp_path / "in.mp4"
    names.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=One\n")
    ffmpeg(*MADE, "-i", names, "-map_chapters", "1", source)
    assert not list(left_out(read_film(source), ".mp4", "h264"))


def test_a_picture_that_ends_too_early_is_said(tmp_path, ffmpeg):
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    ffmpeg(*MADE, "-c:v", "ffv1", whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    assert not list(left_out(read_film(whole), ".mkv", "ffv1"))
    film = read_film(cut)
    assert list(left_out(film, ".mkv", "ffv1")) == [
        f"should be 4.0 s long, but its picture ends at {len(film.times) / 10:.1f} s; it may be "
        "damaged or not complete"
    ]
    assert not list(left_out(film.between(0.5, 1.0), ".mkv", "ffv1"))


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_sound_may_be_longer_than_the_picture(tmp_path, ffmpeg, suffix):
    source = tmp_path / f"in{suffix}"
    ffmpeg(*MADE, "-f", "lavfi", "-t", "9", "-i", "sine", source)
    assert not list(left_out(read_film(source), ".mkv", "h264"))
