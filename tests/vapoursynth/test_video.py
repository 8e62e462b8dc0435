"""Video files: what is kept, and that there is a whole output or none."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth import video
from smfd_plugin.vapoursynth.video import VideoError, deblur_file, pixel_format, read_film

TIMES = [0, 33, 70, 101, 140, 160, 250, 283]
"""Milliseconds of a variable frame rate."""


def ffmpeg(*arguments, **options):
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *arguments], check=True)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """The portrait at a variable frame rate, with sound, a subtitle and colour tags."""
    from skimage import data

    folder = tmp_path_factory.mktemp("film")
    base = Fraction(1, 1000)
    with av.open(str(folder / "silent.mkv"), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width = stream.height = 256
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = base
        for n, time in enumerate(TIMES):
            picture = np.roll(data.astronaut()[:256, 96:352], 2 * n, 1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = time, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    (folder / "words.srt").write_text("1\n00:00:00,000 --> 00:00:00,200\nHello\n")
    tags = "h264_metadata=colour_primaries=6:transfer_characteristics=6:matrix_coefficients=6"
    ffmpeg(
        *("-i", folder / "silent.mkv", "-f", "lavfi", "-t", "0.4", "-i", "sine"),
        *("-i", folder / "words.srt", "-map", "0", "-map", "1", "-map", "2", "-c:v", "copy"),
        *("-bsf:v", f"{tags}:video_full_range_flag=0:sample_aspect_ratio=4/3"),
        *("-c:a", "aac", "-metadata", "title=Portrait", folder / "film.mkv"),
    )
    return folder / "film.mkv"


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


def test_frames_change_and_all_else_is_kept(film, tmp_path, run):
    target = tmp_path / "sharp.mkv"
    assert run(film, target, codec="ffv1") == (8, 8)
    assert times(target) == times(film) == [Fraction(time, 1000) for time in TIMES]
    for kind in ("audio", "subtitle"):
        assert packets(target, kind) == packets(film, kind)
    before, after = (read_film(path).clip.get_frame(3) for path in (film, target))
    for name in ("_Matrix", "_Primaries", "_Transfer", "_Range", "_SARNum", "_SARDen"):
        assert after.props[name] == before.props[name], name
    assert (after.props["_Matrix"], after.props["_SARNum"]) == (6, 4)
    changed = np.asarray(before[0]) != np.asarray(after[0])
    assert changed.mean() > 0.02
    assert not changed[:, :32].any()
    with av.open(str(target)) as container:
        assert container.metadata["title"] == "Portrait"
    assert set(tmp_path.iterdir()) == {target, tmp_path / "tiny.pth"}


def test_the_default_codec_plays_everywhere(film, tmp_path, run):
    target = tmp_path / "sharp.mp4"
    ffmpeg("-i", film, "-map", "0:v", "-map", "0:a", "-c", "copy", tmp_path / "in.mp4")
    run(tmp_path / "in.mp4", target)
    assert times(target) == times(tmp_path / "in.mp4")
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")


def test_a_late_picture_stays_late(film, tmp_path, run):
    late = tmp_path / "late.mkv"
    ffmpeg(
        *("-i", film, "-itsoffset", "0.25", "-i", film),
        *("-map", "0:a", "-map", "1:v", "-c", "copy", late),
    )
    assert times(late)[0] == Fraction(1, 4)
    run(late, tmp_path / "sharp.mkv", codec="ffv1")
    assert times(tmp_path / "sharp.mkv") == times(late)


def test_a_part_begins_at_zero(film, tmp_path, run):
    target = tmp_path / "part.mkv"
    assert run(film, target, 0.07, 0.2, codec="ffv1") == (4, 4)
    assert times(target) == [Fraction(time - 70, 1000) for time in (70, 101, 140, 160)]
    with av.open(str(target)) as container:
        assert container.duration < 0.3 * av.time_base
    with pytest.raises(
        VideoError, match=r"film\.mkv: no frame between 5 s and the end.* ends at 0\.283 s"
    ):
        run(film, target, 5.0)


def test_quality_counts(film, tmp_path, run):
    sizes = []
    for quality in (10, 40):
        run(film, tmp_path / f"{quality}.mkv", quality=quality, strength=0.0)
        sizes.append((tmp_path / f"{quality}.mkv").stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]


@pytest.mark.parametrize("when", ["a frame fails", "Ctrl-C", "ffmpeg fails"])
def test_what_is_not_complete_is_not_there(film, tmp_path, run, monkeypatch, when):
    target = tmp_path / ("sharp.mkv" if when != "ffmpeg fails" else "sharp.unknown")
    target.write_text("an older one")
    expected = VideoError

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
        run(film, target)
    assert when != "a frame fails" or "frame 0: the lamp went out" in str(error.value)
    assert ".partial-" not in str(error.value)
    assert set(tmp_path.iterdir()) == {target, tmp_path / "tiny.pth"}
    assert target.read_text() == "an older one"


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_frame_rate_and_shape_of_pixels_are_kept(tmp_path, run, suffix):
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


def test_no_other_file_is_touched(film, tmp_path, run):
    source = tmp_path / "clip.partial.mkv"
    source.write_bytes(film.read_bytes())
    run(source, tmp_path / "clip.mkv", strength=0.0)
    assert source.read_bytes() == film.read_bytes()
    assert times(tmp_path / "clip.mkv") == times(film)


def test_a_place_that_cannot_be_written_to_is_named(film, tmp_path, run):
    (tmp_path / "taken").touch()
    with pytest.raises(VideoError, match=r"cannot write .*taken/out\.mkv: "):
        run(film, tmp_path / "taken/out.mkv", strength=0.0)


def test_a_colon_in_a_name_is_no_address(film, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source, target = Path("2024-05-01T12:30:00.mkv"), Path("sharp:1.mkv")
    source.write_bytes(film.read_bytes())
    run(source, target, strength=0.0)
    assert times(target.absolute()) == times(film)


def test_equal_time_stamps_are_named(tmp_path):
    path, base = tmp_path / "twice.mkv", Fraction(1, 1000)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for n, time in enumerate((0, 40, 40, 80)):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = n
            for packet in stream.encode(frame):
                packet.pts = packet.dts = time
                packet.time_base = base
                out.mux(packet)
    with pytest.raises(VideoError, match=r"twice\.mkv: .* frame 2 is not after .* frame 1"):
        read_film(path)


def test_a_container_that_cannot_hold_a_stream_is_named(film, tmp_path, run):
    with pytest.raises(VideoError, match=r"out\.mp4: .*in stream #2.*\.mkv holds streams of all"):
        run(film, tmp_path / "out.mp4", strength=0.0)


def test_what_is_no_video_is_named(tmp_path, run):
    (tmp_path / "words.mp4").write_text("not a video")
    for name in ("words.mp4", "missing.mp4"):
        with pytest.raises(VideoError, match=f"{name} cannot be read as a video"):
            run(tmp_path / name, tmp_path / "out.mp4")


def test_an_interlaced_file_is_told_apart(film, run, tmp_path, capsys):
    run(film, tmp_path / "out.mkv", end=0.05)
    assert "interlaced" not in capsys.readouterr().err
    fields = tmp_path / "fields.mkv"
    made = "testsrc=size=64x48:rate=50:duration=0.2"
    encoder = ("-c:v", "mpeg2video", "-flags", "+ildct+ilme")
    ffmpeg("-f", "lavfi", "-i", made, "-vf", "interlace", *encoder, fields)
    run(fields, tmp_path / "out.mkv")
    assert f"{fields} is marked as interlaced" in capsys.readouterr().err


def test_a_file_with_sound_alone_is_named(tmp_path):
    sound = tmp_path / "song.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", sound)
    with pytest.raises(VideoError, match=r"song.mp4 holds no pictures, only sound"):
        read_film(sound)


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
def test_samples_arrive_as_they_are(portrait, tmp_path, film, form):
    clip = portrait(form).resize.Point(250, 128)  # lines shorter than ffmpeg's
    target = tmp_path / "same.mkv"
    for _ in video.write_film(video.Film(film, clip, [0, 1, 2], Fraction(1, 24)), target, "ffv1"):
        pass
    written = read_film(target).clip
    assert written.format.id == form
    for before, after in zip(clip.frames(), written.frames(), strict=True):
        for one, other in zip(before, after, strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(other))
