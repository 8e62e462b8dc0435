"""How videos can be written, by what ffmpeg says and by what containers hold."""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from smfd_plugin.restore.targets import VIDEO_SUFFIXES
from smfd_plugin.vapoursynth.codecs import CODECS, check_container, held_name
from smfd_plugin.vapoursynth.film import read_film
from smfd_plugin.vapoursynth.video import write_film

HELD = [
    (suffix, codec)
    for suffix in VIDEO_SUFFIXES
    for codec in CODECS
    if held_name(Path(f"a{suffix}"), codec).suffix == suffix
]


def described(encoder: str) -> str:
    """What the ffmpeg that comes with the package says of an encoder."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-h", f"encoder={encoder}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_ffmpegs_encoder_takes_what_is_said_of_it(codec):
    shown = described(codec.encoder)
    forms = re.search("Supported pixel formats: (.*)", shown)[1].split()
    planar = [re.fullmatch(r"(gray|gbrp|yuv4\d\dp)(\d*)(?:le)?", form) for form in forms]
    found = {(match[1], int(match[2] or 8)) for match in planar if match}
    assert max(bits for _, bits in found) == codec.bits
    assert max(name for name, _ in found if name.startswith("yuv")) == (
        f"yuv{codec.chroma.replace(':', '')}p"
    )
    assert any(name == "gbrp" for name, _ in found) == codec.rgb
    assert (re.search(r"^ +-crf ", shown, re.M) is not None) == (codec.quality is not None)


def test_rates_from_the_default_to_the_worst():
    rates = {name: (codec.quality, codec.worst) for name, codec in CODECS.items()}
    assert rates == {
        "h264": (16, 51),
        "h265": (18, 51),
        "av1": (24, 63),
        "prores": (None, None),
        "ffv1": (None, None),
    }
    assert "(from 0 to 63)" in re.search("-crf .*", described("libsvtav1"))[0]


@pytest.mark.parametrize("name", ["a.mkv", "a.xyz", "a"])
@pytest.mark.parametrize("codec", CODECS)
def test_matroska_and_what_is_not_known_may_hold_any_codec(name, codec):
    check_container(Path(name), codec)
    assert held_name(Path(name), codec) == Path(name)


@pytest.fixture(scope="module")
def moving(tmp_path_factory, ffmpeg):
    """A film of so many frames that encoders store them in another order."""
    path = tmp_path_factory.mktemp("moving") / "in.mkv"
    made = "testsrc=rate=25:duration=0.32:size=64x64,format=yuv420p"
    ffmpeg("-f", "lavfi", "-i", made, "-c:v", "ffv1", path)
    return read_film(path)


@pytest.mark.parametrize(("suffix", "codec"), HELD)
def test_what_a_container_holds_can_be_read_from_it(moving, tmp_path, suffix, codec):
    target = tmp_path / f"out{suffix}"
    list(write_film(moving, target, codec))
    written = read_film(target)
    assert [time * written.time_base for time in written.times] == [
        Fraction(n, 25) for n in range(8)
    ]
    assert written.rate() == 25
    for before, after in zip(moving.clip.frames(), written.clip.frames(), strict=True):
        lights = [
            np.asarray(frame[0]) / 2**frame.format.bits_per_sample for frame in (before, after)
        ]
        assert np.abs(lights[0] - lights[1]).mean() < 0.02


@pytest.mark.parametrize("codec", sorted(CODECS.keys() - {"av1"}))
@pytest.mark.parametrize("name", ["out/a.webm", "out/a.WebM"])
def test_webm_holds_av1_alone(name, codec):
    check_container(Path(name), "av1")
    message = rf"^{name}: \.webm does not hold {codec}; take --codec av1, or name out/a\.mkv$"
    with pytest.raises(ValueError, match=message):
        check_container(Path(name), codec)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("suffix", [".ogv", ".m2v", ".mpg", ".vob"])
def test_old_containers_hold_none(suffix, codec):
    message = rf"^a\.b{suffix}: \{suffix} does not hold {codec}; name a\.b\.mkv$"
    with pytest.raises(ValueError, match=message):
        check_container(Path(f"a.b{suffix}"), codec)


@pytest.mark.parametrize(
    ("name", "codec", "held"),
    [
        ("in/a.b.MPG", "h264", "in/a.b.mkv"),
        ("a.MTS", "h265", "a.MTS"),
        ("a.MTS", "av1", "a.mkv"),
        ("a.mp4", "prores", "a.mkv"),
        ("a.avi", "h264", "a.avi"),
        ("a.avi", "h265", "a.mkv"),
    ],
)
def test_a_name_becomes_matroskas_where_it_has_to(name, codec, held):
    assert held_name(Path(name), codec) == Path(held)
