"""What the result has of its file beside the restored frames."""

from fractions import Fraction

import av
import pytest
from av.stream import Disposition

from smfd_plugin.vapoursynth.film import read_film
from smfd_plugin.vapoursynth.video import write_film

MADE = ("-f", "lavfi", "-i", "testsrc=rate=20:duration=0.3:size=64x48,format=yuv420p")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tracks")


@pytest.fixture(scope="module")
def rich_film(folder, ffmpeg):
    """Two pictures with names, sound and a subtitle."""
    (folder / "words.srt").write_text("1\n00:00:00,000 --> 00:00:00,200\nHello\n")
    path = folder / "rich.mkv"
    ffmpeg(
        *(*MADE, "-f", "lavfi", "-t", "0.3", "-i", "sine", "-i", folder / "words.srt"),
        *("-map", "0", "-map", "0", "-map", "1", "-map", "2", "-c:s", "subrip", "-g", "1"),
        *("-metadata:s:v:0", "language=deu", "-metadata:s:v:0", "title=Main camera"),
        *("-metadata:s:v:1", "title=Other", "-metadata:s:a", "language=eng"),
        *("-disposition:v", "default", path),
    )
    return path


@pytest.fixture(scope="module")
def film_with_cover(folder, ffmpeg):
    cover, path = folder / "cover.png", folder / "cover.mkv"
    ffmpeg(*MADE, "-frames:v", "1", cover)
    ffmpeg(*MADE, "-attach", cover, "-metadata:s:t", "mimetype=image/png", path)
    return path


def written(source, target, start=0.0):
    list(write_film(read_film(source).between(start, None), target))
    with av.open(str(target)) as container:
        container.streams.video[0].thread_type = "NONE"
        shown = [frame.time for frame in container.decode(video=0)]
        kinds = [(one.type, one.disposition, one.metadata) for one in container.streams]
    return kinds, shown


def test_players_choose_the_restored_picture_and_its_names_stay(rich_film, tmp_path):
    streams, _ = written(rich_film, tmp_path / "out.mkv")
    assert sorted(kind for kind, _, _ in streams) == ["audio", "subtitle", "video", "video"]
    kind, disposition, tags = streams[0]
    assert kind == "video" and disposition & Disposition.default
    assert (tags["language"], tags["title"]) == ("deu", "Main camera")
    titles = [tags.get("title") for kind, _, tags in streams if kind == "video"]
    assert titles == ["Main camera", "Other"]
    assert [tags["language"] for kind, _, tags in streams if kind == "audio"] == ["eng"]


def test_subrip_becomes_the_text_of_mp4(rich_film, tmp_path):
    streams, _ = written(rich_film, tmp_path / "out.mp4")
    assert "subtitle" in [kind for kind, _, _ in streams]


@pytest.mark.parametrize(
    ("suffix", "start", "kept"),
    [(".mkv", 0, 0), (".mkv", 0.1, 0), (".mp4", 0, 1), (".mp4", 0.1, 0)],
)
def test_a_cover_is_kept_as_one_or_left_out(film_with_cover, tmp_path, suffix, start, kept):
    film = read_film(film_with_cover)
    assert film.tracks.covers == 1 and film.tracks.keeps_covers(suffix, start) == bool(kept)
    streams, shown = written(film_with_cover, tmp_path / f"out{suffix}", start)
    covers = [disposition & Disposition.attached_pic for _, disposition, _ in streams]
    assert [bool(cover) for cover in covers] == [False, True][: 1 + kept]
    assert shown == pytest.approx([n / 20 for n in range(6 - round(20 * start))])


def test_pixels_that_are_not_square_are_turned_with_the_picture(folder, tmp_path, ffmpeg):
    straight, turned = folder / "straight.mp4", folder / "turned.mp4"
    ffmpeg(*MADE, "-vf", "setsar=4/3", straight)
    ffmpeg("-display_rotation", "90", "-i", straight, "-c", "copy", turned)
    for source, size, shape in (
        (straight, (64, 48), Fraction(4, 3)),
        (turned, (48, 64), Fraction(3, 4)),
    ):
        written(source, tmp_path / "out.mp4")
        with av.open(str(tmp_path / "out.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height) == size
            assert stream.sample_aspect_ratio == shape
