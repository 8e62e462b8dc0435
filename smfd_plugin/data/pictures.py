"""Pictures as arrays, and the files that hold them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smfd_plugin.common.whole_files import whole_file

Picture = NDArray[np.uint8]
"""(H, W, 3) BGR."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def decode_picture(data: bytes, what: str) -> Picture:
    """The picture in a file's bytes.

    Raises:
        ValueError: there is none; the message says `what`.
    """
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:  # more pixels than OpenCV takes
        picture = None
    if picture is None:
        raise ValueError(f"{what} is not a readable picture; remove it or get it again")
    return picture


def read_picture(path: Path) -> Picture:
    """A picture from its file. Raises ValueError for a file that is none; the message names it."""
    return decode_picture(path.read_bytes(), str(path))


def check_square(picture: NDArray, what: str) -> None:
    """Raises ValueError for a picture, or labels, of a face that are not square; it says `what`."""
    height, width = picture.shape[:2]
    if height != width:
        raise ValueError(f"{what} is {width}x{height} pixels; a face aligned as in FFHQ is square")


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes a picture, or labels (H, W), as `whole_file` does. Raises OSError if it cannot."""
    with whole_file(path) as partial:
        if not cv2.imwrite(str(partial), picture):
            raise OSError(f"cannot write {path}")


def resize_picture(picture: Picture, size: int) -> Picture:
    """The picture at (size, size, 3); itself, if it has that size."""
    if picture.shape[:2] == (size, size):
        return picture
    how = cv2.INTER_AREA if min(picture.shape[:2]) > size else cv2.INTER_CUBIC
    return cv2.resize(picture, (size, size), interpolation=how)


def resize_labels(labels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The labels at (size, size), each the nearest to the centre of its pixel; themselves, if they
    have that size."""
    if labels.shape == (size, size):
        return labels
    return cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)


def picture_files(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> dict[str, Path]:
    """The picture files of a folder by name without suffix, sorted; none if there is no folder.
    Hidden files are left out.

    Raises:
        ValueError: two files of one name, of which it would be chance which is taken, or a link to
            nothing.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() not in suffixes or path.name.startswith(".") or path.is_dir():
            continue
        if not path.exists():
            raise ValueError(f"{path} is a link to nothing: mend or remove it")
        if path.stem in found:
            raise ValueError(
                f"{found[path.stem]} and {path} share one name: rename or remove one of them"
            )
        found[path.stem] = path
    return found
