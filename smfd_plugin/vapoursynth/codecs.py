"""How videos can be written."""

from typing import NamedTuple


class Codec(NamedTuple):
    """A way to write videos.

    Attributes:
        encoder: ffmpeg's name.
        quality: the default constant rate factor; None: there is none to choose.
        worst: the largest one.
        rgb: whether ffmpeg's encoder takes RGB.
    """

    encoder: str
    quality: int | None = None
    worst: int | None = None
    rgb: bool = False


CODECS = {
    "h264": Codec("libx264", 16, 51),
    "h265": Codec("libx265", 18, 51, rgb=True),
    "av1": Codec("libsvtav1", 24, 63),
    "prores": Codec("prores_ks"),
    "ffv1": Codec("ffv1", rgb=True),
}
