"""Reading and writing pictures without losing what people expect to keep.

Depth, grey, transparency, colour profile and EXIF data stay as they are; EXIF rotation is applied
to the pixels.
"""

import os
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")

_DEEP = (".png", ".tif", ".tiff")
_TRANSPARENT = (".png", ".tif", ".tiff", ".webp")
_WITH_METADATA = (".png", ".jpg", ".jpeg", ".webp")
_QUALITY = {
    ".jpg": (
        *(cv2.IMWRITE_JPEG_QUALITY, 95),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 95),
}
_QUALITY[".jpeg"] = _QUALITY[".jpg"]
_ORIENTATION = 0x0112  # EXIF tag; its values 2 to 8 as (transpose, flip rows, flip columns):
_TURNS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


class PictureError(ValueError):
    """A picture that cannot be read, or not be written in this format; the message names it."""


@dataclass(frozen=True)
class Picture:
    """A picture and what else its file holds.

    Attributes:
        colour: (H, W, 3) BGR, uint8 or uint16, the right way up.
        grey: the file has one channel; the three in `colour` are equal.
        alpha: (H, W) transparency of the same type, if the file has it.
        exif: EXIF data without a rotation; empty if there is none.
        icc: colour profile; empty if there is none.
    """

    colour: NDArray
    grey: bool = False
    alpha: NDArray | None = None
    exif: bytes = b""
    icc: bytes = b""


def read_picture(path: Path) -> Picture:
    """Reads a picture of one of the SUFFIXES' formats.

    Raises:
        PictureError: no such file, or one that is empty, truncated, no picture, animated or of a
            depth other than 8 and 16 bit.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror}") from error
    if not data:
        raise PictureError(f"{path} is empty")
    try:
        # Pillow notices truncation, which OpenCV may pass over, and knows the metadata; OpenCV
        # knows 16 bit colour, which Pillow does not.
        with warnings.catch_warnings():  # what matters comes as an error
            warnings.simplefilter("ignore")
            opened = Image.open(BytesIO(data))
            opened.load()
            animated = getattr(opened, "is_animated", False) and opened.format != "MPO"
            mode, exif, icc = opened.mode, opened.getexif(), opened.info.get("icc_profile")
    except UnidentifiedImageError as error:
        raise PictureError(f"{path} is no picture in a format that smfd knows") from error
    except Image.DecompressionBombError as error:
        raise PictureError(f"{path} has too many pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureError(f"{path} is damaged or truncated ({error})") from error
    if animated:
        raise PictureError(f"{path} is animated; only still pictures can be deblurred")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise PictureError(f"{path} is damaged, or a kind of picture that OpenCV cannot read")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise PictureError(f"{path} has {pixels.dtype} pixels; 8 and 16 bit can be deblurred")
    pixels = _upright(pixels, exif.get(_ORIENTATION, 1))
    exif.pop(_ORIENTATION, None)
    return Picture(
        colour=cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.ndim == 2 else pixels[..., :3],
        grey=pixels.ndim == 2 or mode == "LA",
        alpha=pixels[..., 3] if pixels.ndim == 3 and pixels.shape[2] == 4 else None,
        exif=exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else b"",
        icc=icc if icc and mode != "CMYK" else b"",  # OpenCV turns CMYK into RGB
    )


def write_picture(path: Path, picture: Picture) -> None:
    """Writes a picture in the format of the suffix; the whole file or none.

    JPEG and WebP lose a little everywhere, the others nothing. TIFF and BMP go without EXIF data
    and colour profile.

    Raises:
        PictureError: an unknown suffix, a format that cannot hold 16 bit or transparency if the
            picture has them, or a place that cannot be written to.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise PictureError(f"cannot write {path}: use one of {', '.join(SUFFIXES)}")
    if picture.colour.dtype == np.uint16 and suffix not in _DEEP:
        raise PictureError(f"cannot write {path}: {suffix} has no 16 bit; use .png or .tif")
    if picture.alpha is not None and suffix not in _TRANSPARENT:
        raise PictureError(f"cannot write {path}: {suffix} has no transparency; use .png")
    pixels = picture.colour
    if picture.grey:
        grey = _luma(pixels)
        pixels = grey if picture.alpha is None else cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if picture.alpha is not None:
        pixels = np.dstack((pixels, picture.alpha))
    kinds, blocks = [], []
    if suffix in _WITH_METADATA:
        for kind, block in (
            (cv2.IMAGE_METADATA_EXIF, picture.exif),
            (cv2.IMAGE_METADATA_ICCP, picture.icc),
        ):
            if block:
                kinds.append(kind)
                blocks.append(np.frombuffer(block, np.uint8))
    options = _QUALITY.get(suffix, ())
    _, data = cv2.imencodeWithMetadata(suffix, pixels, kinds, blocks, options)
    write_whole(path, data.tobytes())


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file under a temporary name beside it, then renames it: it is never seen half.

    Raises:
        PictureError: the place cannot be written to.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise PictureError(f"cannot write {path}: {error.strerror}") from error


def _upright(pixels: NDArray, orientation: int) -> NDArray:
    transpose, rows, columns = _TURNS.get(orientation, (False, False, False))
    pixels = pixels.swapaxes(0, 1) if transpose else pixels
    pixels = pixels[::-1] if rows else pixels
    return np.ascontiguousarray(pixels[:, ::-1] if columns else pixels)


def _luma(bgr: NDArray) -> NDArray:
    """Weights of ITU-R BT.601; equal channels give exactly their value."""
    blue, green, red = np.moveaxis(bgr.astype(np.float32), -1, 0)
    grey = green + 0.114 * (blue - green) + 0.299 * (red - green)
    return np.rint(grey).astype(bgr.dtype)
