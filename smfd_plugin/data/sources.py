"""What `smfd prepare` reads: three kinds of downloaded faces, as named (image, labels) pairs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from smfd_plugin.common.torch_files import WeightsError, read
from smfd_plugin.data.faces import decode_labels
from smfd_plugin.data.mask_classes import LABELS
from smfd_plugin.data.pictures import (
    Picture,
    check_square,
    picture_files,
    read_picture,
    resize_labels,
    resize_picture,
)
from smfd_plugin.data.template import ffhq_landmarks, similarity

Labels = NDArray[np.uint8]
"""(S, S) CelebAMask-HQ labels of an (S, S, 3) face."""

Pair = tuple[Picture, Labels | None]
Segment = Callable[[Picture], Labels]
"""From a sharp (S, S, 3) BGR face to its labels."""

CELEBA_LANDMARKS = np.float32([[69.5, 111], [107.5, 111], [88.0, 135], [72.0, 152], [105.0, 152]])
"""Where the template's points lie, on average, in the 178x218 pictures of img_align_celeba."""

CELEBAMASK_PARTS = (
    "skin",
    "nose",
    "eye_g",
    "l_eye",
    "r_eye",
    "l_brow",
    "r_brow",
    "l_ear",
    "r_ear",
    "mouth",
    "u_lip",
    "l_lip",
    "hair",
    "hat",
    "ear_r",
    "neck_l",
    "neck",
    "cloth",
)
"""CelebAMask-HQ's file names of the labels 1 to 18; a later part covers an earlier one."""

CELEBAMASK_SIZE = 512
"""Pixels of a side of its part masks."""

_BISENET_LABELS = (
    "background",
    "skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "eyeglasses",
    "left_ear",
    "right_ear",
    "earring",
    "nose",
    "mouth",
    "upper_lip",
    "lower_lip",
    "neck",
    "necklace",
    "cloth",
    "hair",
    "hat",
)
_LABEL_OF_BISENET = np.array([LABELS.index(name) for name in _BISENET_LABELS], np.uint8)


class Item(NamedTuple):
    """One face to come: its file, for messages, a name of its own, and how to read it."""

    path: Path
    name: str
    read: Callable[[], Pair]


def celebamask_hq(root: Path, size: int) -> Iterator[Item]:
    """A downloaded CelebAMask-HQ: CelebA-HQ-img/N.jpg and one PNG a part.

    Raises:
        FileNotFoundError: `root` is no such download.
    """
    images, parts = root / "CelebA-HQ-img", root / "CelebAMask-HQ-mask-anno"
    for folder in (images, parts):
        if not folder.is_dir():
            raise FileNotFoundError(f"{root} is no CelebAMask-HQ: it has no folder {folder.name}")
    for path in sorted(images.glob("[!.]*.jpg"), key=lambda path: path.stem.zfill(9)):
        yield Item(path, path.stem.zfill(5), lambda path=path: _read_celebamask(path, parts, size))


def celeba(root: Path, size: int, segment: Segment) -> Iterator[Item]:
    """Plain CelebA: a folder img_align_celeba, moved to FFHQ's alignment; masks are drawn from the
    sharp picture. Landmarks come from list_landmarks_align_celeba.txt where it lies in `root` or
    its folder Anno, else they are those of the average picture.

    Raises:
        FileNotFoundError: `root` is no such download.
        ValueError: a line of the landmarks that is none.
    """
    images = root / "img_align_celeba"
    if not images.is_dir():
        raise FileNotFoundError(f"{root} is no CelebA: it has no folder img_align_celeba")
    landmarks = _read_landmarks(root)

    def read(path: Path) -> Pair:
        points = landmarks.get(path.name, CELEBA_LANDMARKS)
        matrix = similarity(points, ffhq_landmarks(size))
        face = cv2.warpAffine(
            read_picture(path),
            matrix,
            (size, size),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return face, segment(face)

    for path in sorted(images.glob("[!.]*.jpg")):
        yield Item(path, path.stem, lambda path=path: read(path))


def folder(root: Path, size: int) -> Iterator[Item]:
    """Faces with FFHQ's alignment: pictures in `root`, or in its folder images with masks beside
    it in masks (CelebAMask-HQ labels).

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: two pictures of one name.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    images = root / "images" if (root / "images").is_dir() else root
    for name, path in picture_files(images).items():
        mask = root / "masks" / f"{name}.png"
        yield Item(path, name, lambda path=path, mask=mask: _read_face(path, mask, size))


def bisenet(weights_folder: Path | None) -> Segment:
    """facexlib's parsing net, which draws masks from sharp faces.

    Args:
        weights_folder: where `parsing_bisenet.pth` lies; None: facexlib's own folder.

    Raises:
        FileNotFoundError: the weights are not there; the message says where to get them.
        WeightsError: a file that is damaged, holds code or is of another network.
    """
    import facexlib
    from facexlib.parsing.bisenet import BiSeNet

    own = Path(facexlib.__file__).parent / "weights"
    weights = (weights_folder or own) / "parsing_bisenet.pth"
    if not weights.is_file():
        raise FileNotFoundError(
            f"{weights} is not there: get it from github.com/xinntao/facexlib/releases (v0.2.0) "
            "and name its folder with --parsing-weights"
        )
    net = BiSeNet(num_class=19).eval()
    try:
        net.load_state_dict(read(weights))
    except RuntimeError as error:  # of other networks
        raise WeightsError(f"{weights} is not facexlib's parsing net; get it again") from error
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]

    @torch.no_grad()
    def segment(face: Picture) -> Labels:
        rgb = cv2.resize(face, (512, 512), interpolation=cv2.INTER_CUBIC)[..., ::-1].copy()
        image = torch.from_numpy(rgb).permute(2, 0, 1).float() / 255
        classes = net(((image - mean) / std)[None])[0][0].argmax(0).numpy()
        return resize_labels(_LABEL_OF_BISENET[classes], face.shape[0])

    return segment


def _read_celebamask(path: Path, parts: Path, size: int) -> Pair:
    picture = read_picture(path)
    check_square(picture, str(path))
    number = int(path.stem)
    labels = np.zeros((CELEBAMASK_SIZE, CELEBAMASK_SIZE), np.uint8)
    for label, part in enumerate(CELEBAMASK_PARTS, 1):
        file = parts / str(number // 2000) / f"{number:05d}_{part}.png"
        if file.is_file():
            labels[_read_part(file)] = label
    return resize_picture(picture, size), resize_labels(labels, size)


def _read_part(file: Path) -> NDArray[np.bool_]:
    """Where a part of a CelebAMask-HQ face is. Raises ValueError for a mask of another size."""
    mask = read_picture(file)[..., 0]
    height, width = mask.shape
    if not height == width == CELEBAMASK_SIZE:
        due = f"{CELEBAMASK_SIZE}x{CELEBAMASK_SIZE}"
        raise ValueError(f"{file} is {width}x{height} pixels, not {due}; get it again")
    return mask > 127


def _read_face(path: Path, mask: Path, size: int) -> Pair:
    picture = read_picture(path)
    check_square(picture, str(path))
    image = resize_picture(picture, size)
    if not mask.is_file():
        return image, None
    labels = decode_labels(mask.read_bytes(), f"mask {mask}")
    check_square(labels, f"mask {mask}")
    return image, resize_labels(labels, size)


def _read_landmarks(root: Path) -> dict[str, NDArray[np.float32]]:
    for folder in (root, root / "Anno"):
        path = folder / "list_landmarks_align_celeba.txt"
        if path.is_file():
            rows = [line.split() for line in path.read_text().splitlines()[2:]]
            try:
                return {row[0]: np.float32(row[1:]).reshape(5, 2) for row in rows if row}
            except ValueError as error:
                raise ValueError(f"{path} has a line without ten numbers; get it again") from error
    return {}
