"""From a face in a picture to the upright crop that the network knows, and back.

Matrices are (2, 3) float64 and map x, y of a point; whole numbers are pixel centres, as in OpenCV.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.data.template import (
    FFHQ_SIZE,
    FFHQ_TEMPLATE,
    Matrix,
    ffhq_landmarks,
    similarity,
)

CROP_SIZES = (128, 192, 256, 384, 512, 768, 1024)

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels, the last two exclusive."""


def check_max_crop(max_crop: int) -> None:
    """Raises ValueError if it is none of CROP_SIZES."""
    if max_crop not in CROP_SIZES:
        raise ValueError(f"max_crop is {max_crop}; it can be {', '.join(map(str, CROP_SIZES))}")


def crop_size(side: float, max_crop: int, sizes: Sequence[int] = CROP_SIZES) -> int:
    """The first of `sizes` that is no smaller than `side`, in pixels, but at most `max_crop`."""
    return next((size for size in sizes if size >= side and size <= max_crop), max_crop)


def face_side(landmarks: NDArray) -> float:
    """Side, in pixels of the picture, of the square that an aligned face is cut out of.

    Raises:
        ValueError: landmarks that make no face.
    """
    return FFHQ_SIZE / scale(similarity(landmarks, FFHQ_TEMPLATE))


def picture_to_crop(landmarks: NDArray, size: int) -> Matrix:
    """Matrix from the picture to the crop of `size` x `size` pixels.

    Args:
        landmarks: (5, 2), see Detection.

    Raises:
        ValueError: landmarks that make no face.
    """
    return similarity(landmarks, ffhq_landmarks(size))


def inverse(matrix: Matrix) -> Matrix:
    """The matrix of the way back."""
    turn = np.linalg.inv(matrix[:, :2])
    return np.hstack((turn, -turn @ matrix[:, 2:]))


def transform(matrix: Matrix, points: NDArray) -> NDArray[np.float64]:
    """(P, 2) points, carried by the matrix."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def shifted(matrix: Matrix, corner: tuple[float, float]) -> Matrix:
    """The matrix for a source whose pixel at `corner` (x, y) has become its first."""
    return np.hstack((matrix[:, :2], transform(matrix, np.array([corner])).T))


def scale(matrix: Matrix) -> float:
    """How many times longer the similarity makes what it maps."""
    return float(np.hypot(*matrix[:, 0]))


def samples(to_source: Matrix) -> int:
    """How many samples of the source, along each axis, make a pixel of the target: as many as it
    covers pixels there."""
    return max(1, ceil(scale(to_source) - 0.05))


def warp(
    images: Tensor,
    to_source: list[Matrix],
    size: tuple[int, int],
    padding: str,
    mode: str = "bicubic",
    per_pixel: int | None = None,
) -> Tensor:
    """Draws pictures anew, each in its own coordinates; anti-aliased where that shrinks them.

    Args:
        images: (N, C, H, W), float.
        to_source: N matrices from the target's coordinates to those of the image.
        size: height and width of the target.
        padding: what lies outside the image: `zeros`, `border` or `reflection`.
        mode: `bicubic`, or `bilinear`, which is much faster and less sharp.
        per_pixel: samples for a pixel of the target, along each axis; default: see `samples`.

    Returns:
        (N, C, *size); bicubic values may leave the range of the image a little.
    """
    n = per_pixel or max(samples(matrix) for matrix in to_source)
    height, width = images.shape[-2:]
    if all(_is_inside(matrix, size, (height, width)) for matrix in to_source):
        padding = "zeros"  # the same, but faster
    sampling = np.array([[1 / n, 0, 0.5 / n - 0.5], [0, 1 / n, 0.5 / n - 0.5], [0, 0, 1]])
    # grid_sample counts from the image's corner, in [-1, 1].
    to_unit = np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1]])
    thetas = np.stack([to_unit @ np.vstack((m, [0, 0, 1])) @ sampling for m in to_source])
    a, b, c = torch.tensor(thetas, dtype=images.dtype, device=images.device)[..., None].unbind(2)
    rows = torch.arange(size[0] * n, dtype=images.dtype, device=images.device)
    columns = torch.arange(size[1] * n, dtype=images.dtype, device=images.device)
    grid = (a * columns)[..., None, :] + (b * rows + c)[..., None]
    warped = F.grid_sample(images, grid.permute(0, 2, 3, 1), mode, padding, align_corners=False)
    return F.avg_pool2d(warped, n) if n > 1 else warped


def _is_inside(to_source: Matrix, size: tuple[int, int], source: tuple[int, int]) -> bool:
    """Whether no pixel outside the source is needed."""
    corners = np.array([(x, y) for x in (-0.5, size[1] - 0.5) for y in (-0.5, size[0] - 0.5)])
    reached = transform(to_source, corners)
    return bool((reached >= 1).all() and (reached < (source[1] - 2, source[0] - 2)).all())
