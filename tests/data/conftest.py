"""A few faces on disk, in the training layout."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from smfd_plugin.data.sources import CELEBA_LANDMARKS

PORTRAIT = cv2.resize(data.astronaut()[0:240, 100:340, ::-1], (512, 512))


def write_faces(root: Path, masks: list[bool], size: int = 64) -> Path:
    """Faces a, b, ... of `size` pixels; each is another crop of a portrait."""
    portrait = data.astronaut()[..., ::-1]
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for i, has_mask in enumerate(masks):
        name = chr(ord("a") + i)
        crop = portrait[10 * i : 10 * i + 200, 120:320]
        cv2.imwrite(str(root / f"images/{name}.png"), cv2.resize(crop, (size, size)))
        if has_mask:
            labels = np.zeros((size, size), np.uint8)
            labels[size // 4 :, size // 4 :] = 1  # skin
            labels[size // 2 :, size // 2 :] = 4  # left eye
            cv2.imwrite(str(root / f"masks/{name}.png"), labels)
    return root


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return write_faces(tmp_path / "faces", [True, False, True])


@pytest.fixture
def picture() -> np.ndarray:
    """A face, (512, 512, 3) uint8 BGR."""
    return PORTRAIT.copy()


@pytest.fixture
def celebamask(tmp_path: Path) -> Path:
    """Two faces in the folders and file names of the official download."""
    root = tmp_path / "CelebAMask-HQ"
    (root / "CelebA-HQ-img").mkdir(parents=True)
    for number in (0, 2001):
        cv2.imwrite(str(root / f"CelebA-HQ-img/{number}.jpg"), PORTRAIT)
        parts = root / "CelebAMask-HQ-mask-anno" / str(number // 2000)
        parts.mkdir(parents=True)
        for part, box in (("skin", np.s_[100:400, 100:400]), ("l_eye", np.s_[200:240, 150:220])):
            mask = np.zeros((512, 512, 3), np.uint8)
            mask[box] = 255
            cv2.imwrite(str(parts / f"{number:05d}_{part}.png"), mask)
    return root


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Five faces, a to e, in a plain folder."""
    for name in "abcde":
        (tmp_path / "portraits").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"portraits/{name}.png"), PORTRAIT)
    return tmp_path / "portraits"


@pytest.fixture
def celeba(tmp_path: Path) -> Path:
    """Two faces of img_align_celeba, the second with landmarks of its own, 9 pixels lower."""
    root = tmp_path / "celeba"
    (root / "img_align_celeba").mkdir(parents=True)
    for name in ("000001.jpg", "000002.jpg"):
        picture = np.zeros((218, 178, 3), np.uint8)
        lower = 9 if name == "000002.jpg" else 0
        for x, y in CELEBA_LANDMARKS.astype(int):
            cv2.circle(picture, (int(x), int(y) + lower), 3, (255, 255, 255), -1)
        cv2.imwrite(str(root / "img_align_celeba" / name), picture)
    points = (CELEBA_LANDMARKS + np.array([0, 9])).astype(int).flatten()
    text = "2\nlefteye_x ...\n000002.jpg " + " ".join(map(str, points)) + "\n"
    (root / "list_landmarks_align_celeba.txt").write_text(text)
    return root
