"""A few faces on disk, in the training layout."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data


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
