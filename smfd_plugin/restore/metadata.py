"""EXIF data and colour profiles in the files of pictures, where OpenCV does not read or write them.

EXIF data are bytes as they stand in a PNG file: a TIFF header and what follows it.
"""

import re
import sys
from collections.abc import MutableMapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, IptcImagePlugin
from PIL.TiffImagePlugin import EXTRASAMPLES, ImageFileDirectory_v2
from PIL.TiffTags import SHORT

from smfd_plugin.restore.heif import is_heif, left_behind_of_heif

LONGEST_JPEG_EXIF = 65527
"""Bytes of EXIF data that a JPEG file can hold."""

_GAMMA = 1 / 2.2  # what a PNG file without one means
_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # of sRGB, the white point first
_CODE_CHUNK = b"\0\0\0\4cICP"  # of a PNG file: its colour space as in ITU-T H.273
_SRGB_CODE = bytes((1, 13, 0, 1))
_ORIENTATION = 0x0112
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_RESOLUTION = {_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT}
_DETAILS, _GPS, _INTEROP = 0x8769, 0x8825, 0xA005  # directories of their own
_DESCRIBING = {
    *(0x010E, 0x010F, 0x0110),  # description, maker, model
    *_RESOLUTION,
    *(0x0131, 0x0132, 0x013B, 0x013C),  # software, time, artist, computer
    *(0x4746, 0x4749, *range(0x9C9B, 0x9CA0)),  # rating, and texts that Windows writes
    *(0x8298, _DETAILS, _GPS),  # copyright
}
"""Tags that say nothing of how a TIFF file stores its pixels, and so hold in another file, too."""

_SIDES = 0xA002, 0xA003
"""Width and height in pixels, among the details."""

_SIDEWAYS = range(5, 9)
"""Orientations that make the width of what is stored the height of the picture."""

_PROFILE = 0x8773
_STRAIGHT = 2  # of EXTRASAMPLES
_JPEG_PROFILE = b"ICC_PROFILE\0"
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # but those that stand between the pixels
_LONGEST_CHUNK = 65533 - len(_JPEG_PROFILE) - 2


def read_exif(opened: Image.Image) -> tuple[int, bytes | None]:
    """EXIF data of a picture that Pillow has loaded.

    Returns:
        The orientation that is still to be applied, 1 to 8, and the data without it: empty if
        there are none, None if they are damaged.
    """
    turn = 1
    try:
        exif = opened.getexif()
        turn = exif.pop(_ORIENTATION, 1)
        if turn in _SIDEWAYS:
            _swap(exif.get_ifd(_DETAILS), *_SIDES)
        if opened.format == "TIFF":
            exif = _copied(exif)
        elif _X_RESOLUTION not in exif:
            exif.update(_resolution(opened))
        return turn, exif.tobytes().removeprefix(b"Exif\0\0") if len(exif) else b""
    except Exception:  # many kinds, for tags of a wrong type and what is no EXIF data at all
        return turn, None


def _swap(tags: MutableMapping[int, Any], one: int, other: int) -> None:
    values = [tags.pop(tag, None) for tag in (one, other)]
    swapped = zip((other, one), values, strict=True)
    tags.update({tag: value for tag, value in swapped if value is not None})


def left_behind(opened: Image.Image, data: bytes) -> tuple[str, ...]:
    """Names of the metadata of a picture that are not carried over: captions and settings as XMP or
    IPTC data, comments, further pictures and what is appended to JPEG files (the film of a motion
    photo), texts and an unusual gamma or colour space in PNG files (if its profile does not tell
    it, or a code such as HDR's tells another), CMYK with its profile, which is read as RGB, and of
    HEIC and AVIF files see `left_behind_of_heif`.

    Args:
        opened: the picture, which Pillow has loaded.
        data: its file.
    """
    try:
        iptc = IptcImagePlugin.getiptcinfo(opened)
    except Exception:  # many kinds, for what is damaged
        iptc = True
    told = "srgb" in opened.info or opened.info.get("icc_profile")
    gamma = opened.info.get("gamma", _GAMMA)
    primaries = opened.info.get("chromaticity", _PRIMARIES)
    head = data.partition(b"IDAT")[0]  # Pillow keeps nothing of this chunk
    code = head.partition(_CODE_CHUNK)[2][:4] if opened.format == "PNG" else b""
    held = {
        "XMP data": "xmp" in opened.info,
        "IPTC data": iptc,
        "comment": "comment" in opened.info,
        "texts": set(getattr(opened, "text", ())) - {"XML:com.adobe.xmp"},
        "CMYK colours": opened.mode == "CMYK",
        "further pictures": opened.format == "MPO" and opened.n_frames > 1,
        "appended data": opened.format == "JPEG" and _behind_jpeg(data).strip(b"\0\r\n"),
        "gamma": not told and abs(gamma - _GAMMA) > 0.01,
        "colour space": code not in (b"", _SRGB_CODE)  # it goes before a profile
        or (not told and not np.allclose(primaries, _PRIMARIES, atol=0.001)),
    }
    if is_heif(opened):
        held |= left_behind_of_heif(opened, data)
    return tuple(name for name, is_there in held.items() if is_there)


def named_parts(exif: bytes) -> tuple[str, ...]:
    """What EXIF data hold, in words: the resolution, what is beyond it, both or nothing."""
    found = _parsed(exif)
    held = {"EXIF data": set(found) - _RESOLUTION, "resolution": set(found) & _RESOLUTION}
    return tuple(name for name, tags in held.items() if tags)


def add_to_tiff(data: bytes, exif: bytes, icc: bytes, transparent: bool) -> bytes:
    """The TIFF file with colour profile and what EXIF data say of the picture, each if not empty.

    Args:
        data: a TIFF file (no BigTIFF) that holds its pixels in one strip.
        exif, icc: see the module.
        transparent: the last channel is transparency, and the others are not multiplied by it.
    """
    old = ImageFileDirectory_v2(data[:8])
    file = BytesIO(data)
    file.seek(old.next)
    old.load(file)
    new = ImageFileDirectory_v2(prefix=data[:2])
    for tag in old:
        new[tag] = old[tag]
        new.tagtype[tag] = old.tagtype[tag]
    for tag, value in _describing(_parsed(exif)).items():
        new[tag] = value
    if icc:
        new[_PROFILE] = icc
    if transparent:
        new[EXTRASAMPLES], new.tagtype[EXTRASAMPLES] = _STRAIGHT, SHORT
    # The directory goes before the old file; Pillow moves the strip's place by the length of both.
    return data[:4] + (8).to_bytes(4, sys.byteorder) + new.tobytes(8) + data


def add_to_jpeg(data: bytes, icc: bytes) -> bytes:
    """The JPEG file with a colour profile of any length, in as many segments as it needs."""
    chunks = [icc[i : i + _LONGEST_CHUNK] for i in range(0, len(icc), _LONGEST_CHUNK)]
    segments = [
        b"\xff\xe2"
        + (2 + len(_JPEG_PROFILE) + 2 + len(chunk)).to_bytes(2)
        + _JPEG_PROFILE
        + bytes((number, len(chunks)))
        + chunk
        for number, chunk in enumerate(chunks, 1)
    ]
    start = 4 + int.from_bytes(data[4:6])  # behind the first segment, which must be JFIF's
    return data[:start] + b"".join(segments) + data[start:]


def _behind_jpeg(data: bytes) -> bytes:
    """What follows the end of a JPEG file's picture."""
    place = 2
    while marker := _JPEG_MARKER.search(data, place):
        place = marker.end()
        if marker[0] == b"\xff\xd9":
            return data[place:]
        place += int.from_bytes(data[place : place + 2])  # a segment such as EXIF's may hold a JPEG
    return b""


def _resolution(opened: Image.Image) -> dict[int, Any]:
    """The tags that hold what the head of a JPEG, PNG or BMP file says of its size on paper."""
    dpi = opened.info.get("dpi") if opened.format in ("JPEG", "PNG", "BMP") else None
    made_up = opened.format == "JPEG" and not opened.info.get("jfif_unit")  # by Pillow: 72
    if not dpi or made_up:
        return {}
    x, y = (round(value, 1) for value in dpi)  # PNG counts whole pixels per metre
    return {_X_RESOLUTION: x, _Y_RESOLUTION: y, _RESOLUTION_UNIT: 2}  # 2: inches


def _copied(found: Image.Exif) -> Image.Exif:
    """The describing tags of a TIFF file under a head of their own: a BigTIFF file's heads no EXIF
    data."""
    exif = Image.Exif()
    exif.endian = found.endian  # which holds inside of comments and makers' notes, too
    exif.update(_describing(found))
    return exif


def _describing(found: Image.Exif) -> dict[int, Any]:
    tags = {tag: value for tag, value in found.items() if tag in _DESCRIBING}
    for tag in {_DETAILS, _GPS} & set(tags):
        tags[tag] = dict(found.get_ifd(tag))
    if _INTEROP in tags.get(_DETAILS, {}):
        tags[_DETAILS][_INTEROP] = found.get_ifd(_INTEROP)
    return tags


def _parsed(exif: bytes) -> Image.Exif:
    found = Image.Exif()
    found.load(exif)
    return found
