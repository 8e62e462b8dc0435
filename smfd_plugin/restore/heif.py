"""HEIC and AVIF files, which hold their pictures in one kind of container (ISO/IEC 23008-12).

Phones write them. Pillow reads both, HEIC through pi-heif, as 8 bit; it writes AVIF. Writing HEIC
takes an encoder that needs licences of its own.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pi_heif import register_heif_opener
from PIL import Image

HEIC = (".heic", ".heif")
"""Suffixes of what is read, but not written."""

AVIF = ".avif"

_QUALITY = 95
_SRGB_PRIMARIES = (1, 2)  # of ITU-T H.273: those of sRGB, or not known
_SRGB_TRANSFERS = (1, 2, 6, 13)
_AV1_CONFIGURATION = b"av1C"
_HIGH_BIT_DEPTH = 0x40  # in the third byte of it

register_heif_opener(thumbnails=False)


def is_heif(opened: Image.Image) -> bool:
    """Whether Pillow has opened a HEIC or AVIF file."""
    return opened.format in ("HEIF", "AVIF")


def pixels_of(opened: Image.Image) -> NDArray[np.uint8]:
    """(H, W) or (H, W, C) pixels that Pillow has decoded, of 8 bit, in OpenCV's order."""
    straight = opened.convert("RGBA") if opened.mode == "RGBa" else opened
    return _swapped(np.asarray(straight))


def left_behind_of_heif(opened: Image.Image, data: bytes) -> dict[str, bool]:
    """What is in a HEIC or AVIF file and is not carried over, and whether it is: more than 8 bit,
    maps of depth or brightness and other pictures beside the first, and a colour space that no
    profile tells.

    Args:
        opened: the picture, which Pillow has loaded.
        data: its file.
    """
    if opened.format == "AVIF":  # of which Pillow tells less
        configuration = data.partition(_AV1_CONFIGURATION)[2]
        return {"depth beyond 8 bit": bool(configuration[2] & _HIGH_BIT_DEPTH)}
    info = opened.info
    code = {} if info.get("icc_profile") else info.get("nclx_profile", {})
    return {
        "depth beyond 8 bit": info["bit_depth"] > 8,
        "further pictures": bool(opened.n_frames > 1 or info["depth_images"] or info["aux"]),
        "colour space": code.get("color_primaries", 2) not in _SRGB_PRIMARIES
        or code.get("transfer_characteristics", 2) not in _SRGB_TRANSFERS,
    }


def encode_avif(pixels: NDArray[np.uint8], exif: bytes, icc: bytes) -> bytes:
    """An AVIF file of (H, W) or (H, W, C) pixels in OpenCV's order, with EXIF data and a colour
    profile, if these are not empty."""
    file = BytesIO()
    sampling = "4:0:0" if pixels.ndim == 2 else "4:4:4"
    Image.fromarray(_swapped(pixels)).save(
        file, "AVIF", quality=_QUALITY, subsampling=sampling, exif=exif, icc_profile=icc
    )
    return file.getvalue()


def _swapped(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """From BGR to RGB, or back; grey stays."""
    if pixels.ndim == 2:
        return pixels
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]])
