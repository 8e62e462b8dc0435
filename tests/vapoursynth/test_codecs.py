"""How videos can be written, by what ffmpeg says and by what containers hold."""

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from smfd_plugin.vapoursynth.codecs import CODECS, check_container


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


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.xyz", "a"])
@pytest.mark.parametrize("codec", CODECS)
def test_most_containers_may_hold_any_codec(name, codec):
    check_container(Path(name), codec)


@pytest.mark.parametrize("codec", sorted(CODECS.keys() - {"av1"}))
@pytest.mark.parametrize("name", ["out/a.webm", "out/a.WebM"])
def test_webm_holds_av1_alone(name, codec):
    check_container(Path(name), "av1")
    message = rf"^{name}: \.webm does not hold {codec}; take --codec av1, or name out/a\.mkv$"
    with pytest.raises(ValueError, match=message):
        check_container(Path(name), codec)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("suffix", [".ogv", ".m2v"])
def test_old_containers_hold_none(suffix, codec):
    message = rf"^a\.b{suffix}: \{suffix} does not hold {codec}; name a\.b\.mkv$"
    with pytest.raises(ValueError, match=message):
        check_container(Path(f"a.b{suffix}"), codec)
