"""Sharp faces on disk: the layout that `smfd prepare` writes, as folders or as lmdb."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from basicsr.utils import FileClient
from numpy.typing import NDArray
from PIL import Image

from smfd_plugin.data import pictures
from smfd_plugin.data.mask_classes import GROUP_OF_LABEL, LABELS
from smfd_plugin.data.pictures import (
    check_square,
    decode_picture,
    picture_files,
    resize_labels,
    resize_picture,
)

SUFFIXES = {"images": pictures.SUFFIXES, "masks": (".png",)}
WHERE_TO_GET_FACES = (
    "download CelebAMask-HQ (github.com/switchablenorms/CelebAMask-HQ) or CelebA and turn it into "
    "this layout with `smfd prepare`, where --hold-out sets faces apart for validation"
)


@dataclass(frozen=True)
class Face:
    """One face of a FaceFolder: its name and whether it has a mask."""

    name: str
    has_mask: bool


class FaceFolder:
    """A folder with `images/` and optionally `masks/`, or `images.lmdb` and `masks.lmdb`.

    An image and its mask share their name; a mask is a PNG of CelebAMask-HQ labels.

    Raises:
        FileNotFoundError: there is no such folder, or no face in it.
        ValueError: two pictures of one name.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._store = _Lmdb(root) if (root / "images.lmdb").is_dir() else _Files(root)
        masks = self._store.names("masks")
        self.faces = [Face(name, name in masks) for name in sorted(self._store.names("images"))]
        if not self.faces:
            raise FileNotFoundError(
                f"no faces in {root} (looked for images/ and images.lmdb): {WHERE_TO_GET_FACES}"
            )

    def read(
        self, face: Face, size: int, least: int | None = None
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One face at `size` x `size` pixels.

        Args:
            face: one of `faces`.
            size: pixels of a side.
            least: if the file is smaller than `size`, keep the file's size, but at least this many
                pixels: enlarging blurs.

        Returns:
            The picture, (size, size, 3) uint8 BGR, and its classes (see mask_classes.CLASSES),
            (size, size) uint8, all background without a mask.

        Raises:
            ValueError: a file that is broken, not square or no mask; the message names it.
        """
        what = f"{self.root}: image {face.name}"
        image = decode_picture(self._store.read("images", face.name), what)
        check_square(image, what)
        if least is not None:
            size = max(least, min(size, *image.shape[:2]))
        image = resize_picture(image, size)
        if not face.has_mask:
            return image, np.zeros((size, size), np.uint8)
        what = f"{self.root}: mask {face.name}"
        labels = decode_labels(self._store.read("masks", face.name), what)
        check_square(labels, what)
        return image, resize_labels(GROUP_OF_LABEL[labels], size)


class _Files:
    """Faces as files of root/KIND, KIND being `images` or `masks`."""

    def __init__(self, root: Path) -> None:
        self._paths = {
            kind: picture_files(root / kind, suffixes) for kind, suffixes in SUFFIXES.items()
        }

    def names(self, kind: str) -> set[str]:
        return set(self._paths[kind])

    def read(self, kind: str, name: str) -> bytes:
        return self._paths[kind][name].read_bytes()


class _Lmdb:
    """Faces in root/KIND.lmdb, as BasicSR writes them."""

    def __init__(self, root: Path) -> None:
        folders = {kind: root / f"{kind}.lmdb" for kind in SUFFIXES}
        self._folders = {kind: folder for kind, folder in folders.items() if folder.is_dir()}
        self._client: FileClient | None = None

    def names(self, kind: str) -> set[str]:
        if kind not in self._folders:
            return set()
        lines = (self._folders[kind] / "meta_info.txt").read_text().splitlines()
        return {Path(line.rpartition(" (")[0]).stem for line in lines}  # "NAME.png (h,w,c) 1"

    def read(self, kind: str, name: str) -> bytes:
        if self._client is None:  # opened late: a lmdb handle must not cross a fork
            paths = [str(folder) for folder in self._folders.values()]
            self._client = FileClient("lmdb", db_paths=paths, client_keys=list(self._folders))
        return bytes(self._client.get(name, kind))


def decode_labels(data: bytes, what: str) -> NDArray[np.uint8]:
    """The (H, W) CelebAMask-HQ labels in a mask file's bytes.

    Raises:
        ValueError: no readable picture, or one that holds no labels; the message says `what`.
    """
    try:
        # Pillow keeps a palette's indices, unlike OpenCV.
        labels = np.asarray(Image.open(BytesIO(data), formats=["PNG"]))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's for PNG
        raise ValueError(f"{what} is not a readable picture; remove it or get it again") from error
    if labels.ndim != 2 or labels.dtype != np.uint8 or labels.max() >= len(LABELS):
        raise ValueError(
            f"{what} must be a grey or palette PNG with CelebAMask-HQ labels 0 to {len(LABELS) - 1}"
        )
    return labels
