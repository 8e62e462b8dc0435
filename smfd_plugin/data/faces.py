"""Sharp faces on disk: the layout that `smfd prepare` writes, as folders or as lmdb."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from basicsr.utils import FileClient
from numpy.typing import NDArray
from PIL import Image

from smfd_plugin.data.mask_classes import GROUP_OF_LABEL, LABELS

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SUFFIXES = {"images": IMAGE_SUFFIXES, "masks": (".png",)}
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
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lmdb = (root / "images.lmdb").is_dir()
        self._client: FileClient | None = None
        images, masks = (self._list(kind) for kind in ("images", "masks"))
        if not images:
            raise FileNotFoundError(
                f"no faces in {root} (looked for images/ and images.lmdb): {WHERE_TO_GET_FACES}"
            )
        self._files = images
        self.faces = [Face(name, name in masks) for name in sorted(images)]

    def read(
        self, face: Face, size: int, least: int | None = None
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One face at `size` x `size` pixels.

        Args:
            face: one of `faces`.
            size: pixels of a side.
            least: the face may be smaller than `size`, down to this many pixels, where the file is:
                an enlarged picture is no sharp one.

        Returns:
            The picture, (size, size, 3) uint8 BGR, and its classes (see mask_classes.CLASSES),
            (size, size) uint8, all background without a mask.

        Raises:
            ValueError: a file that is broken or no mask; the message names it.
        """
        image = _decode_image(self._bytes("images", face.name), f"{self.root}: image {face.name}")
        if least is not None:
            size = max(least, min(size, *image.shape[:2]))
        if image.shape[:2] != (size, size):
            how = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_CUBIC
            image = cv2.resize(image, (size, size), interpolation=how)
        if not face.has_mask:
            return image, np.zeros((size, size), np.uint8)
        labels = _decode_labels(self._bytes("masks", face.name), f"{self.root}: mask {face.name}")
        classes = GROUP_OF_LABEL[labels]
        if classes.shape != (size, size):
            classes = cv2.resize(classes, (size, size), interpolation=cv2.INTER_NEAREST)
        return image, classes

    def _list(self, kind: str) -> dict[str, str]:
        """File names by face name."""
        if self._lmdb:
            keys = self.root / f"{kind}.lmdb" / "meta_info.txt"
            lines = keys.read_text().splitlines() if keys.is_file() else []
            files = (Path(line.rpartition(" (")[0]) for line in lines)  # "NAME.png (h,w,c) 1"
            return {file.stem: file.name for file in files}
        folder = self.root / kind
        paths = folder.iterdir() if folder.is_dir() else ()
        return {path.stem: path.name for path in paths if path.suffix.lower() in SUFFIXES[kind]}

    def _bytes(self, kind: str, name: str) -> bytes:
        if not self._lmdb:
            suffix = self._files[name] if kind == "images" else f"{name}.png"
            return (self.root / kind / suffix).read_bytes()
        if self._client is None:  # opened late: a lmdb handle must not cross a fork
            kinds = [kind for kind in ("images", "masks") if (self.root / f"{kind}.lmdb").is_dir()]
            paths = [str(self.root / f"{kind}.lmdb") for kind in kinds]
            self._client = FileClient("lmdb", db_paths=paths, client_keys=kinds)
        return bytes(self._client.get(name, kind))


def _decode_image(data: bytes, what: str) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise ValueError(f"{what} is not a readable picture; remove it or get it again")
    return image


def _decode_labels(data: bytes, what: str) -> NDArray[np.uint8]:
    """Pillow keeps the indices of a palette PNG, where OpenCV would give colours."""
    try:
        labels = np.asarray(Image.open(BytesIO(data)))
    except OSError as error:
        raise ValueError(f"{what} is not a readable picture; remove it or get it again") from error
    if labels.ndim != 2 or labels.dtype != np.uint8 or labels.max() >= len(LABELS):
        raise ValueError(
            f"{what} must be a grey or palette PNG with CelebAMask-HQ labels 0 to {len(LABELS) - 1}"
        )
    return labels
