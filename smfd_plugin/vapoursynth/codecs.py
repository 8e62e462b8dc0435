"""How videos can be written."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple


class Codec(NamedTuple):
    """A way to write videos.

    Attributes:
        encoder: ffmpeg's name.
        quality: the default constant rate factor; None: there is none to choose.
        worst: the largest one.
        bits: of a sample, the most that ffmpeg's encoder takes.
        chroma: the finest resolution of colour that it takes.
        rgb: whether it takes RGB.
    """

    encoder: str
    quality: int | None = None
    worst: int | None = None
    bits: int = 10
    chroma: str = "4:4:4"
    rgb: bool = False


CODECS = {
    "h264": Codec("libx264", 16, 51),
    "h265": Codec("libx265", 18, 51, bits=12, rgb=True),
    "av1": Codec("libsvtav1", 24, 63, chroma="4:2:0"),
    "prores": Codec("prores_ks"),
    "ffv1": Codec("ffv1", bits=16, rgb=True),
}

_HELD = {
    **dict.fromkeys((".mpg", ".mpeg", ".vob", ".m2v", ".ogv"), ()),
    **dict.fromkeys((".ts", ".m2ts", ".mts"), ("h264", "h265")),
    **dict.fromkeys((".m4v", ".3gp"), ("h264",)),
    ".mp4": ("h264", "h265", "av1", "ffv1"),
    ".mov": ("h264", "h265", "prores", "ffv1"),
    ".avi": ("h264", "av1", "prores", "ffv1"),
    ".mxf": ("prores", "ffv1"),
    ".webm": ("av1",),
    ".wmv": ("av1", "ffv1"),
    ".flv": ("h264", "h265", "av1"),
}
"""Of containers that do not hold all CODECS: which can be read from them with all time stamps.
ffmpeg writes some of the others, too."""


def held_name(path: Path, codec: str) -> Path:
    """The path, or one of Matroska if its own container cannot hold the codec."""
    return path if codec in _held(path) else path.with_suffix(".mkv")


def check_container(target: Path, codec: str) -> None:
    """Checks that a file of this name can hold the codec, as far as that is known.

    Raises:
        ValueError: it cannot.
    """
    held = _held(target)
    if codec not in held:
        others = f"take --codec {' or '.join(held)}, or " if held else ""
        raise ValueError(
            f"{target}: {target.suffix.lower()} does not hold {codec}; {others}name "
            f"{held_name(target, codec)}"
        )


def _held(path: Path) -> Collection[str]:
    return _HELD.get(path.suffix.lower(), CODECS)
