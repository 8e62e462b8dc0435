"""Reading and writing pictures without losing what people expect to keep.

Depth, grey, transparency, colour profile and EXIF data stay as they are, but for BMP, which holds
neither of the last two, HEIC and AVIF, of which 8 bit stay, and grey with transparency, which
becomes colour with three equal channels; EXIF rotation is applied to the pixels, and the resolution
becomes part of the EXIF data. XMP and IPTC data, comments and texts do not stay.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    EXTRASAMPLES,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
)

from smfd_plugin.common.whole_files import whole_file
from smfd_plugin.restore.heif import AVIF, HEIC, encode_avif, is_heif, pixels_of
from smfd_plugin.restore.metadata import (
    LONGEST_JPEG_EXIF,
    add_to_jpeg,
    add_to_tiff,
    left_behind,
    named_parts,
    read_exif,
)

_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
_TIFF = (".tif", ".tiff")

SUFFIXES = (".png", *_JPEG, ".webp", *_TIFF, ".bmp", AVIF)
"""Of the pictures that are written."""

READ_SUFFIXES = (*SUFFIXES, *HEIC)

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF")  # not EPS, which is a program
_DEEP = (".png", *_TIFF)
_TRANSPARENT = (".png", *_TIFF, ".webp", AVIF)
_LONGEST_SIDE = dict.fromkeys(_JPEG, 65500) | {".webp": 16383, AVIF: 65536}
_STEPS_OF_95 = 369  # sum of a JPEG file's steps in brightness at quality 95
_PROFILE_SPACE = slice(16, 20)
_MULTIPLIED = 1  # of EXTRASAMPLES
_WHITE_IS_ZERO = 0  # of PHOTOMETRIC_INTERPRETATION
_SEPARATE = 2  # of PLANAR_CONFIGURATION
_PNG_DEPTH = 24  # where a PNG file has its bits per channel
_STEPS = {2: 85, 4: 17}  # from one grey of so many bits to the next, in 8 bit
_TURNS = {  # EXIF orientation as (transpose, flip rows, flip columns)
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
class PictureFile:
    """A picture and what else its file holds.

    Attributes:
        colour: (H, W, 3) BGR, uint8 or uint16, the right way up.
        grey: the file has one channel; the three in `colour` are equal.
        alpha: (H, W) transparency of the same type, if the file has it.
        exif: EXIF data without a rotation; empty if there is none.
        icc: colour profile; empty if there is none.
        fine: its file is a JPEG of finer steps than quality 95 has, or a lossless WebP.
        lost: names of what the file holds and is not read.
    """

    colour: NDArray
    grey: bool = False
    alpha: NDArray | None = None
    exif: bytes = b""
    icc: bytes = b""
    fine: bool = False
    lost: tuple[str, ...] = ()


def read_picture(path: Path) -> PictureFile:
    """Reads a picture of one of the READ_SUFFIXES' formats.

    Raises:
        PictureError: no such file, or one that is empty, truncated, no picture, more than one, of
            more pixels than Pillow thinks safe, in Lab, of a depth other than 8 and 16 bit, or of
            16 bit multiplied by its transparency or with each channel apart.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PictureError(f"cannot read {path}: {error.strerror}") from error
    if not data:
        raise PictureError(f"{path} is empty")
    try:
        # Pillow notices truncation, which OpenCV may pass over, and knows the metadata; OpenCV
        # knows 16 bit colour, which Pillow does not. What matters comes as an error, not a warning.
        with warnings.catch_warnings(action="ignore"), _long_profiles():
            opened = Image.open(BytesIO(data), formats=_FORMATS)
            opened.load()
            has_main = opened.format in ("MPO", "HEIF")  # beside which others are named as lost
            count = 1 if has_main else getattr(opened, "n_frames", 1)
            turn, exif = read_exif(opened)
            mode, icc = opened.mode, opened.info.get("icc_profile")
            lost = left_behind(opened, data)
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{path} is no picture in a format that smfd knows, or its head is damaged"
        ) from error
    except Image.DecompressionBombError as error:
        count = int(re.search(r"\d+", str(error))[0])  # there is no picture yet to ask
        raise PictureError(
            f"{path} has {count:,} pixels; smfd reads up to {2 * Image.MAX_IMAGE_PIXELS:,}, so "
            "make it smaller first"
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # many kinds, by what is damaged
        raise PictureError(f"{path} is damaged or truncated ({str(error).strip()})") from error
    if mode == "LAB":
        raise PictureError(f"{path} has Lab colours; save it as RGB first")
    if count > 1:
        raise PictureError(f"{path} holds {count} pictures; only single ones can be deblurred")
    pixels = _decode(path, data, opened)
    if pixels is None:
        raise PictureError(f"{path} is damaged, or a kind of picture that OpenCV cannot read")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise PictureError(f"{path} has {pixels.dtype} pixels; 8 and 16 bit can be deblurred")
    pixels = _upright(pixels, turn)
    return PictureFile(
        colour=cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR) if pixels.ndim == 2 else pixels[..., :3],
        grey=pixels.ndim == 2 or mode == "LA",
        alpha=_alpha(data, opened, pixels),
        exif=exif or b"",
        icc=icc if icc and mode != "CMYK" else b"",  # OpenCV turns CMYK into RGB
        fine=_is_fine(opened, data),
        lost=lost if exif is not None else ("damaged EXIF data", *lost),
    )


def check_fit(path: Path, picture: PictureFile) -> None:
    """Checks that a picture can be written in the format of the suffix.

    Raises:
        PictureError: an unknown suffix, or a format that cannot hold 16 bit, transparency, as many
            pixels or as much EXIF data if the picture has them.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise PictureError(f"cannot write {path}: use one of {', '.join(SUFFIXES)}")
    if picture.colour.dtype == np.uint16 and suffix not in _DEEP:
        raise PictureError(f"cannot write {path}: {suffix} has no 16 bit; use .png or .tif")
    if suffix not in _TRANSPARENT and not _is_opaque(picture):
        raise PictureError(f"cannot write {path}: {suffix} has no transparency; use .png")
    longest = _LONGEST_SIDE.get(suffix)
    if longest and max(picture.colour.shape) > longest:
        raise PictureError(
            f"cannot write {path}: {suffix} holds at most {longest} pixels a side; use .png or .tif"
        )
    if suffix in _JPEG and len(picture.exif) > LONGEST_JPEG_EXIF:
        raise PictureError(f"cannot write {path}: too much EXIF data for {suffix}; use .png")


def same_format(one: Path, other: Path) -> bool:
    """Whether the suffixes of two files name one format, as .jpg and .jpeg do."""
    return _first_suffix(one.suffix.lower()) == _first_suffix(other.suffix.lower())


def _first_suffix(suffix: str) -> str:
    """The first of the suffixes of a format, which OpenCV knows, too (.jfif it does not)."""
    return next((names[0] for names in (_JPEG, _TIFF) if suffix in names), suffix)


def write_picture(path: Path, picture: PictureFile) -> tuple[str, ...]:
    """Writes a picture in the format of the suffix; the whole file or none.

    JPEG, WebP and AVIF, of quality 95, lose a little everywhere, the others nothing of the pixels;
    a fine picture becomes a JPEG of quality 100 or a lossless WebP.

    Returns:
        Names of what is left out: BMP has no EXIF data, resolution and colour profile; a grey
        profile is dropped if the picture is written in colour; and `picture.lost`.

    Raises:
        PictureError: see `check_fit`, or a place that cannot be written to.
    """
    check_fit(path, picture)
    suffix = path.suffix.lower()
    alpha = picture.alpha if suffix in _TRANSPARENT else None  # which is opaque
    pixels = picture.colour
    if picture.grey:
        grey = _luma(pixels)
        pixels = grey if alpha is None else cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if alpha is not None:
        pixels = np.dstack((pixels, alpha))
    exif = b"" if suffix == ".bmp" else picture.exif
    becomes_colour = pixels.ndim == 3 or suffix == ".webp"
    misfit = becomes_colour and picture.icc[_PROFILE_SPACE] == b"GRAY"
    icc = b"" if suffix == ".bmp" or misfit else picture.icc
    data = _encode(suffix, pixels, exif, icc, picture.fine)
    if data is None:
        raise PictureError(f"cannot write {path}: OpenCV cannot encode it; use another format")
    write_whole(path, data)
    described = () if exif else named_parts(picture.exif)
    profile = () if picture.icc == icc else ("colour profile",)
    return *picture.lost, *described, *profile


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file, as `whole_file` does.

    Raises:
        PictureError: the place cannot be written to.
    """
    try:
        with whole_file(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise PictureError(f"cannot write {path}: {error.strerror}") from error


def _is_opaque(picture: PictureFile) -> bool:
    alpha = picture.alpha
    return alpha is None or bool((alpha == np.iinfo(alpha.dtype).max).all())


def _decode(path: Path, data: bytes, opened: Image.Image) -> NDArray | None:
    """(H, W) or (H, W, C) pixels in the file's depth and OpenCV's order; None if OpenCV cannot read
    them, nor Pillow in this depth."""
    if is_heif(opened):
        return pixels_of(opened)
    tags = opened.tag_v2 if opened.format == "TIFF" else {}
    bits, *others = tags.get(BITSPERSAMPLE, (1,))  # of each channel
    if opened.mode == "RGBA" and bits == 8:  # OpenCV would multiply them by the transparency
        return pixels_of(opened)
    if opened.mode == "La":  # OpenCV would leave them multiplied
        return np.asarray(opened.convert("LA").getchannel("L"))
    if opened.mode == "RGBA" and _MULTIPLIED in tags.get(EXTRASAMPLES, ()):
        raise PictureError(
            f"{path} has {bits} bit colours that are multiplied by their transparency; save it "
            "with straight ones first"
        )
    if bits == 16 and others and tags.get(PLANAR_CONFIGURATION) == _SEPARATE:  # OpenCV mixes them
        raise PictureError(
            f"{path} stores its 16 bit channels in separate planes; save it interleaved first"
        )
    with _quiet_opencv():
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None and bits == 8 and opened.mode in ("L", "RGB"):  # such as packed by zstd
        return pixels_of(opened)
    is_negative = bits == 16 and tags.get(PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
    return ~pixels if is_negative and pixels is not None else pixels  # OpenCV turns 8 bit round


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keeps OpenCV from logging what is wrong with a file; an error says so in one line."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


@contextmanager
def _long_profiles() -> Iterator[None]:
    """Lets Pillow read a PNG file's colour profile of more than 1 MB, as other formats' ones."""
    longest = PngImagePlugin.MAX_TEXT_CHUNK
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
    try:
        yield
    finally:
        PngImagePlugin.MAX_TEXT_CHUNK = longest


def _alpha(data: bytes, opened: Image.Image, pixels: NDArray) -> NDArray | None:
    """Transparency, if the file has it; OpenCV makes some up, and passes over a grey TIFF's."""
    if pixels.ndim == 2 and opened.mode in ("LA", "La"):
        return np.asarray(opened.getchannel(1))
    transparent_grey = opened.info.get("transparency")
    if pixels.ndim == 2 and isinstance(transparent_grey, int):
        # Pillow scales the one of 1 bit, OpenCV all pixels
        transparent_grey *= _STEPS.get(data[_PNG_DEPTH], 1)
        opaque = np.iinfo(pixels.dtype).max
        return np.where(pixels == transparent_grey, 0, opaque).astype(pixels.dtype)
    transparent = "transparency" in opened.info or opened.getbands()[-1] in ("A", "a")
    if transparent and pixels.ndim == 3 and pixels.shape[2] == 4:
        return pixels[..., 3]
    return None


def _is_fine(opened: Image.Image, data: bytes) -> bool:
    """See PictureFile."""
    if opened.format == "WEBP":
        return _is_lossless_webp(data)
    tables = getattr(opened, "quantization", {})  # of JPEG and MPO
    return any(sum(steps) < _STEPS_OF_95 for steps in tables.values())


def _is_lossless_webp(data: bytes) -> bool:
    start = 12
    while start < len(data):
        name, size = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
        if name in (b"VP8L", b"VP8 "):  # the pixels
            return name == b"VP8L"
        start += 8 + size + size % 2
    return False


def _quality(suffix: str, fine: bool) -> tuple[int, ...]:
    """OpenCV's options."""
    if suffix in _JPEG:
        sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        return cv2.IMWRITE_JPEG_QUALITY, 100 if fine else 95, *sampling
    if suffix == ".webp":
        return cv2.IMWRITE_WEBP_QUALITY, 101 if fine else 95  # above 100: lossless
    return ()


def _encode(suffix: str, pixels: NDArray, exif: bytes, icc: bytes, fine: bool) -> bytes | None:
    """The file's bytes; None if OpenCV cannot make them."""
    if suffix == AVIF:
        return encode_avif(pixels, exif, icc)
    transparent = pixels.ndim == 3 and pixels.shape[2] == 4
    to_tiff = suffix in _TIFF and bool(exif or icc or transparent)
    to_jpeg = suffix in _JPEG and bool(icc)
    options = (cv2.IMWRITE_TIFF_ROWSPERSTRIP, len(pixels)) if to_tiff else _quality(suffix, fine)
    held = {}
    if suffix not in _TIFF:
        held[cv2.IMAGE_METADATA_EXIF] = exif
        held[cv2.IMAGE_METADATA_ICCP] = b"" if to_jpeg else icc
    kinds = [kind for kind, block in held.items() if block]
    blocks = [np.frombuffer(held[kind], np.uint8) for kind in kinds]
    known = _first_suffix(suffix)
    done, encoded = cv2.imencodeWithMetadata(known, pixels, kinds, blocks, options)
    if not done:
        return None
    data = encoded.tobytes()
    if to_tiff:
        return add_to_tiff(data, exif, icc, transparent)
    return add_to_jpeg(data, icc) if to_jpeg else data


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
