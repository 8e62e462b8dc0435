"""Reading video files: their frames, their time stamps, and what is none."""

from fractions import Fraction

import av
import pytest

from smfd_plugin.vapoursynth.film import common_time_base, read_film


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
    with pytest.raises(ValueError, match=r"twice\.mkv: .* frame 2 is not after .* frame 1"):
        read_film(path)


def test_avi_without_time_stamps_is_read(tmp_path, ffmpeg):
    source = tmp_path / "in.avi"
    made = "testsrc=rate=20:duration=0.5:size=128x128"
    ffmpeg("-f", "lavfi", "-i", made, "-c:v", "mpeg4", "-bf", "2", "-vtag", "XVID", source)
    film = read_film(source)
    assert [time * film.time_base for time in film.times] == [Fraction(n, 20) for n in range(10)]


def test_a_file_with_sound_alone_is_named(tmp_path, ffmpeg):
    sound = tmp_path / "song.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", sound)
    with pytest.raises(ValueError, match=r"song.mp4 holds no moving pictures, only sound"):
        read_film(sound)


def test_a_video_without_a_decoder_is_named(tmp_path, film):
    path = tmp_path / "strange.mp4"
    path.write_bytes(film.read_bytes().replace(b"avc1", b"zzz1"))
    with pytest.raises(ValueError, match=r"strange\.mp4: its video .* FFmpeg cannot decode"):
        read_film(path)


def test_a_name_that_is_no_text_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"caf.*\.mp4 cannot be read as a video"):
        read_film(tmp_path / "caf\udce9.mp4")


def test_a_constant_rate_is_told_from_a_variable_one(varied_film, tmp_path, ffmpeg):
    varied = read_film(varied_film)
    assert not varied.is_constant()
    assert float(varied.rate()) == pytest.approx(7 / 0.283, abs=1e-3)
    rounded = tmp_path / "rounded.mkv"  # Matroska counts milliseconds
    ffmpeg("-f", "lavfi", "-i", "testsrc=rate=24000/1001:duration=0.5:size=64x64", rounded)
    steady = read_film(rounded)
    assert steady.is_constant() and steady.rate() == Fraction(24000, 1001)


@pytest.mark.parametrize(
    ("stored", "rate", "base"),
    [
        (1000, Fraction(24000, 1001), 24000),  # Matroska counts milliseconds
        (90000, Fraction(25), 90000),
        (90000, Fraction(1592469229, 55157807), 90000),  # the mean of a phone's variable rate
        (1000, Fraction(0), 1000),  # unknown
    ],
)
def test_a_time_base_is_never_finer_than_ffmpeg_takes(stored, rate, base):
    assert common_time_base(Fraction(1, stored), rate) == Fraction(1, base)
