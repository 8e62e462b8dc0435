"""How videos can be written."""

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

_HELD = {".webm": ("av1",), ".ogv": (), ".m2v": ()}
"""Of containers that hold few codecs: which of CODECS."""


def check_container(target: Path, codec: str) -> None:
    """Checks that a file of this name can hold the codec, as far as that is known.

    Raises:
        ValueError: it cannot.
    """
    suffix = target.suffix.lower()
    held = _HELD.get(suffix, CODECS)
    if codec not in held:
        others = f"take --codec {' or '.join(held)}, or " if held else ""
        raise ValueError(
            f"{target}: {suffix} does not hold {codec}; {others}name {target.with_suffix('.mkv')}"
        )
