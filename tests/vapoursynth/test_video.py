"""Video files: what is kept, and that there is a whole output or none."""

import signal
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth import video
from smfd_plugin.vapoursynth.codecs import CODECS
from smfd_plugin.vapoursynth.film import Film, read_film
from smfd_plugin.vapoursynth.video import deblur_file, pixel_format, write_film


def times(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(
            p.pts * stream.time_base for p in container.demux(stream) if p.pts is not None
        )


def packets(path, kind):
    with av.open(str(path)) as container:
        (stream,) = (stream for stream in container.streams if stream.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


@pytest.fixture
def run(tiny_weights):
    def deblur(source, target, *rest, **arguments):
        options = {"weights": str(tiny_weights), "sharp_gate": 0.0} | arguments
        return deblur_file(source, target, *rest, **options)

    return deblur


def test_frames_change_and_all_else_is_kept(varied_film, film_times, tmp_path, run):
    target = tmp_path / "sharp.mkv"
    assert run(varied_film, target, codec="ffv1") == (8, 8)
    assert times(target) == times(varied_film) == film_times
    for kind in ("audio", "subtitle"):
        assert packets(target, kind) == packets(varied_film, kind)
    before, after = (read_film(path).clip.get_frame(3) for path in (varied_film, target))
    for name in ("_Matrix", "_Primaries", "_Transfer", "_Range", "_SARNum", "_SARDen"):
        assert after.props[name] == before.props[name], name
    assert (after.props["_Matrix"], after.props["_SARNum"]) == (6, 4)
    changed = np.asarray(before[0]) != np.asarray(after[0])
    assert changed.mean() > 0.02
    assert not changed[:, :32].any()
    with av.open(str(target)) as container:
        assert container.metadata["title"] == "Portrait"
    assert set(tmp_path.iterdir()) == {target, tmp_path / "tiny.pth"}


def test_the_default_codec_plays_everywhere(varied_film, tmp_path, run, ffmpeg):
    target = tmp_path / "sharp.mp4"
    ffmpeg("-i", varied_film, "-map", "0:v", "-map", "0:a", "-c", "copy", tmp_path / "in.mp4")
    run(tmp_path / "in.mp4", target)
    assert times(target) == times(tmp_path / "in.mp4")
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")


def test_a_late_picture_stays_late(varied_film, tmp_path, run, ffmpeg):
    late = tmp_path / "late.mkv"
    ffmpeg(
        *("-i", varied_film, "-itsoffset", "0.25", "-i", varied_film),
        *("-map", "0:a", "-map", "1:v", "-c", "copy", late),
    )
    assert times(late)[0] == Fraction(1, 4)
    run(late, tmp_path / "sharp.mkv", codec="ffv1")
    assert times(tmp_path / "sharp.mkv") == times(late)


def test_a_picture_that_is_late_by_one_tick_is_written(long_film, tmp_path):
    base = Fraction(1, 90000)  # 1.1e-05 s, as Python writes it
    film = replace(long_film, clip=long_film.clip[0], times=[1], time_base=base)
    assert len(list(write_film(film, tmp_path / "out.mkv"))) == 1
    assert (tmp_path / "out.mkv").exists()


def test_a_part_begins_at_zero(varied_film, tmp_path, run):
    target = tmp_path / "part.mkv"
    assert run(varied_film, target, 0.07, 0.2, codec="ffv1") == (4, 4)
    assert times(target) == [Fraction(time - 70, 1000) for time in (70, 101, 140, 160)]
    with av.open(str(target)) as container:
        assert container.duration < 0.3 * av.time_base
    with pytest.raises(
        ValueError, match=r"film\.mkv: no frame between 5 s and the end.* ends at 0\.283 s"
    ):
        run(varied_film, target, 5.0)


def test_quality_counts(varied_film, tmp_path, run):
    sizes = []
    for quality in (10, 40):
        run(varied_film, tmp_path / f"{quality}.mkv", quality=quality, strength=0.0)
        sizes.append((tmp_path / f"{quality}.mkv").stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]


@pytest.mark.parametrize("when", ["a frame fails", "Ctrl-C", "ffmpeg fails"])
def test_what_is_not_complete_is_not_there(varied_film, tmp_path, run, monkeypatch, when):
    target = tmp_path / ("sharp.mkv" if when != "ffmpeg fails" else "sharp.unknown")
    target.write_text("an older one")
    expected = ValueError

    def broken(*_, **__):
        raise RuntimeError("the lamp went out")

    def interrupted(self, n=1):
        raise KeyboardInterrupt

    if when == "a frame fails":
        monkeypatch.setattr("smfd_plugin.vapoursynth.restorer.deblur_faces", broken)
    elif when == "Ctrl-C":
        monkeypatch.setattr(video.tqdm, "update", interrupted)
        expected = KeyboardInterrupt
    with pytest.raises(expected) as error:
        run(varied_film, target)
    assert when != "a frame fails" or "frame 0: the lamp went out" in str(error.value)
    assert ".partial-" not in str(error.value)
    assert set(tmp_path.iterdir()) == {target, tmp_path / "tiny.pth"}
    assert target.read_text() == "an older one"


@pytest.fixture
def long_film(varied_film):
    """More than fits between this process and ffmpeg."""
    clip = vs.core.std.BlankClip(None, 128, 96, vs.YUV420P8, 200)
    return Film(varied_film, clip, list(range(200)), Fraction(1, 25), (128, 96))


def test_why_ffmpeg_ends_early_is_said(long_film, tmp_path):
    with pytest.raises(ValueError, match=r"ffmpeg could not write .*out\.mp4: .*codec prores"):
        list(write_film(long_film, tmp_path / "out.mp4", "prores"))
    assert not list(tmp_path.iterdir())


def test_a_film_that_ffmpeg_cuts_short_is_not_written(long_film, tmp_path, monkeypatch):
    command = video._command

    def one_frame(*arguments):
        *options, target = command(*arguments)
        return [*options, "-frames:v", "1", target]

    monkeypatch.setattr(video, "_command", one_frame)
    message = r"cannot write .*out\.mkv: ffmpeg ended before the last frame"
    with pytest.raises(ValueError, match=message):
        list(write_film(long_film, tmp_path / "out.mkv"))
    assert not list(tmp_path.iterdir())


def test_ctrl_c_ends_it_while_ffmpeg_takes_nothing(long_film, tmp_path, monkeypatch, as_set):
    monkeypatch.setattr(video, "_command", lambda *arguments: ["sleep", "20"])
    as_set(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 2)
    with pytest.raises(KeyboardInterrupt):
        list(write_film(long_film, tmp_path / "out.mkv"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_frame_rate_and_shape_of_pixels_are_kept(tmp_path, run, suffix, ffmpeg):
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    picture = "testsrc=rate=50:duration=0.2:size=128x128,setsar=389/388:max=65535"
    ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-pix_fmt", "yuv420p", source)
    assert run(source, target, strength=0.0) == (10, 0)
    for path in (source, target):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert stream.average_rate == 50, path
            if suffix == ".mp4":  # Matroska rounds it
                assert stream.sample_aspect_ratio == Fraction(389, 388), path
            assert container.duration == av.time_base // 5, path


def test_no_other_file_is_touched(varied_film, tmp_path, run):
    source = tmp_path / "clip.partial.mkv"
    source.write_bytes(varied_film.read_bytes())
    run(source, tmp_path / "clip.mkv", strength=0.0)
    assert source.read_bytes() == varied_film.read_bytes()
    assert times(tmp_path / "clip.mkv") == times(varied_film)


def test_a_place_that_cannot_be_written_to_is_named(varied_film, tmp_path, run):
    (tmp_path / "taken").touch()
    with pytest.raises(ValueError, match=r"cannot write .*taken/out\.mkv: "):
        run(varied_film, tmp_path / "taken/out.mkv", strength=0.0)


def test_a_colon_in_a_name_is_no_address(varied_film, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source, target = Path("2024-05-01T12:30:00.mkv"), Path("sharp:1.mkv")
    source.write_bytes(varied_film.read_bytes())
    run(source, target, strength=0.0)
    assert times(target.absolute()) == times(varied_film)


def test_a_container_that_cannot_hold_a_stream_is_named(varied_film, tmp_path, run, ffmpeg):
    ffmpeg("-i", varied_film, "-map", "0", "-c", "copy", "-c:a", "wmav2", tmp_path / "in.mkv")
    with pytest.raises(ValueError, match=r"out\.mp4: .*in stream #1.*\(\.mkv holds most streams"):
        run(tmp_path / "in.mkv", tmp_path / "out.mp4", strength=0.0)


@pytest.mark.parametrize(("first", "second"), [(".mp4", ".mkv"), (".mkv", ".mov")])
def test_subtitles_take_the_containers_form(varied_film, tmp_path, run, first, second, ffmpeg):
    run(varied_film, tmp_path / f"one{first}", strength=0.0)
    run(tmp_path / f"one{first}", tmp_path / f"two{second}", strength=0.0)
    for path in (tmp_path / f"one{first}", tmp_path / f"two{second}"):
        words = tmp_path / "words.srt"
        ffmpeg("-y", "-i", path, "-map", "0:s", words)
        assert words.read_text().splitlines()[2] == "Hello"


@pytest.fixture
def subtitled(tmp_path, ffmpeg):
    """A film with a text, without sound."""
    words, path = tmp_path / "words.srt", tmp_path / "in.mkv"
    words.write_text("1\n00:00:00,000 --> 00:00:00,200\nHello\n")
    made = "testsrc=rate=25:duration=0.4:size=64x64,format=yuv420p"
    ffmpeg("-f", "lavfi", "-i", made, "-i", words, "-c:v", "ffv1", path)
    return path


@pytest.mark.parametrize(("suffix", "codec"), [(".webm", "av1"), (".3gp", "h264")])
def test_small_containers_hold_texts(subtitled, tmp_path, run, ffmpeg, suffix, codec):
    target, words = tmp_path / f"out{suffix}", tmp_path / "read.srt"
    run(subtitled, target, codec=codec, strength=0.0)
    ffmpeg("-i", target, "-map", "0:s", words)
    assert words.read_text().splitlines()[2] == "Hello"


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *((".ts", "h264"), (".m2ts", "h264"), (".avi", "h264")),
        *((".flv", "h264"), (".wmv", "ffv1"), (".mxf", "ffv1")),
    ],
)
def test_texts_do_not_stop_a_film_that_cannot_hold_them(
    subtitled, tmp_path, run, capsys, suffix, codec
):
    target = tmp_path / f"out{suffix}"
    assert run(subtitled, target, codec=codec, strength=0.0) == (10, 0)
    assert f"{subtitled} has subtitles in text, which {suffix} cannot" in capsys.readouterr().err
    with av.open(str(target)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_avi_has_a_constant_rate(varied_film, tmp_path, run, capsys, ffmpeg):
    run(varied_film.with_name("silent.mkv"), tmp_path / "varied.avi", strength=0.0)
    assert "has a variable frame rate, which .avi cannot hold" in capsys.readouterr().err
    source = tmp_path / "steady.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=rate=20:duration=0.5:size=128x128", source)
    run(source, tmp_path / "steady.avi", strength=0.0)
    assert "variable" not in capsys.readouterr().err
    steady = read_film(tmp_path / "steady.avi")
    assert [time * steady.time_base for time in steady.times] == [
        Fraction(n, 20) for n in range(10)
    ]


def test_what_is_left_out_is_said(tmp_path, run, capsys, ffmpeg):
    clear, bright = tmp_path / "clear.mov", tmp_path / "bright.mp4"
    made = ("-f", "lavfi", "-i", "testsrc=duration=0.1:size=128x128,format=yuva444p10le")
    ffmpeg(*made, "-c:v", "prores_ks", "-profile:v", "4444", clear)
    light = "hdr10=1:master-display=G(1,1)B(1,1)R(1,1)WP(1,1)L(10000000,1):max-cll=1000,400"
    light += ":log-level=none"
    ffmpeg(*made, "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-x265-params", light, bright)
    run(clear, tmp_path / "out.mov", codec="prores")
    assert f"{clear} has transparency, the result will not have it" in capsys.readouterr().err
    run(bright, tmp_path / "out.mp4")
    assert f"{bright} has HDR10 metadata, the result will not have it" in capsys.readouterr().err


def test_what_vapoursynth_does_not_read_is_said(tmp_path, run, capsys, ffmpeg):
    odd, coded = tmp_path / "odd.webm", tmp_path / "coded.mov"
    made = ("-f", "lavfi", "-i", "testsrc=duration=0.1:size=127x65", "-pix_fmt", "yuv420p")
    ffmpeg(*made, "-c:v", "libvpx-vp9", odd)
    ffmpeg(*made, "-vf", "scale=128:64", "-timecode", "01:00:00:00", coded)
    run(odd, tmp_path / "out.mp4")
    assert f"{odd} measures 127x65, the result 126x64" in capsys.readouterr().err
    run(coded, tmp_path / "out.mov")
    assert capsys.readouterr().err.splitlines() == [
        f"{coded} has a time code or other data, the result will not have it"
    ]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("form", ["gbrp", "gbrp10le", "gray", "yuvj444p"])
def test_colours_stay_in_every_codec(tmp_path, ffmpeg, form, codec):
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    bars = ("-f", "lavfi", "-i", "smptebars=duration=0.04:size=128x128")
    ffmpeg(*bars, "-pix_fmt", form, "-c:v", "ffv1", source)
    list(write_film(read_film(source), target, codec))
    before, after = (
        vs.core.bs.VideoSource(str(path), showprogress=False) for path in (source, target)
    )
    if before.format.color_family == vs.RGB and after.format.color_family != vs.RGB:
        assert after.get_frame(0).props["_Matrix"] == 1
    shown = [
        np.stack([np.asarray(plane) for plane in as_rgb(clip).get_frame(0)])
        for clip in (before, after)
    ]
    assert np.median(np.abs(shown[0] - shown[1])) < 0.01  # edges differ where chroma is halved


@pytest.mark.parametrize("codec", CODECS)
def test_deep_4_2_2_that_was_turned_stays_deep(long_film, tmp_path, codec):
    form = vs.core.query_video_format(vs.YUV, vs.INTEGER, 10, 0, 1)
    film = replace(long_film, clip=long_film.clip[0].resize.Bicubic(format=form.id), times=[0])
    list(write_film(film, tmp_path / "out.mkv", codec))
    with av.open(str(tmp_path / "out.mkv")) as container:
        written = container.streams.video[0].format
    assert written.components[0].bits >= 10
    assert not written.is_rgb


def as_rgb(clip):
    yuv = clip.format.color_family != vs.RGB
    unknown = yuv and clip.get_frame(0).props.get("_Matrix", 2) == 2
    return clip.resize.Bicubic(format=vs.RGBS, **({"matrix_in": 1} if unknown else {}))


def test_what_is_no_video_is_named(tmp_path, run):
    (tmp_path / "words.mp4").write_text("not a video")
    for name in ("words.mp4", "missing.mp4"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as a video"):
            run(tmp_path / name, tmp_path / "out.mp4")


def test_a_damaged_frame_is_named_with_its_time(tmp_path, run, ffmpeg, monkeypatch):
    source = tmp_path / "in.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc=rate=25:duration=0.4:size=64x64", source)

    def break_off(n, f):
        if n == 5:  # a decoder may hide real damage, by what it has left in memory
            raise vs.Error("VideoSource: No frame returned for frame number 5. This may be due to")
        return f

    def read_damaged(path):
        found = read_film(path)
        return replace(found, clip=found.clip.std.ModifyFrame(found.clip, break_off))

    monkeypatch.setattr(video, "read_film", read_damaged)
    remedy = r"leave it out with --end 0\.2 or a later --start, or repair the file"
    with pytest.raises(ValueError, match=rf"in\.mkv: frame 5, at 0\.2 s, is damaged; {remedy}"):
        run(source, tmp_path / "out.mkv", strength=0.0)
    assert run(source, tmp_path / "out.mkv", end=0.2, strength=0.0) == (5, 0)


def test_av1_takes_a_variable_rate(varied_film, tmp_path, run):
    run(varied_film, tmp_path / "out.mkv", codec="av1", strength=0.0)
    assert times(tmp_path / "out.mkv") == times(varied_film)


def test_why_av1_failed_is_said(varied_film, tmp_path, run):
    with pytest.raises(ValueError, match=r"out\.mov: .*av1 only supported in MP4"):
        run(varied_film, tmp_path / "out.mov", codec="av1", strength=0.0)


def test_an_interlaced_file_is_told_apart(varied_film, run, tmp_path, capsys, ffmpeg):
    run(varied_film, tmp_path / "out.mkv", end=0.05)
    assert "interlaced" not in capsys.readouterr().err
    fields = tmp_path / "fields.mkv"
    made = "testsrc=size=64x48:rate=50:duration=0.2"
    encoder = ("-c:v", "mpeg2video", "-flags", "+ildct+ilme")
    ffmpeg("-f", "lavfi", "-i", made, "-vf", "interlace", *encoder, fields)
    run(fields, tmp_path / "out.mkv")
    assert f"{fields} is marked as interlaced" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (vs.YUV420P8, "yuv420p"),
        (vs.YUV422P10, "yuv422p10le"),
        (vs.YUV444P16, "yuv444p16le"),
        (vs.YUV411P8, "yuv411p"),
        (vs.GRAY8, "gray"),
        (vs.GRAY16, "gray16le"),
        (vs.RGB24, "gbrp"),
        (vs.RGB30, "gbrp10le"),
    ],
)
def test_pixel_formats(form, name):
    assert pixel_format(vs.core.get_video_format(form)) == name


@pytest.mark.parametrize("form", [vs.YUV420P8, vs.YUV444P10, vs.RGB24, vs.GRAY16])
def test_samples_arrive_as_they_are(portrait, tmp_path, varied_film, form):
    clip = portrait(form).resize.Point(250, 128)  # lines shorter than ffmpeg's
    target = tmp_path / "same.mkv"
    for _ in video.write_film(
        video.Film(varied_film, clip, [0, 1, 2], Fraction(1, 24), (250, 128)), target, "ffv1"
    ):
        pass
    written = read_film(target).clip
    assert written.format.id == form
    for before, after in zip(clip.frames(), written.frames(), strict=True):
        for one, other in zip(before, after, strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(other))
