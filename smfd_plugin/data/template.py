"""The upright faces that crops are aligned to, and the alignment."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""(2, 3), maps x, y of a point; whole numbers are pixel centres, as in OpenCV."""

FFHQ_SIZE = 512
FFHQ_TEMPLATE = np.array(
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ]
)
"""Eyes, nose tip and corners of the mouth of a face aligned as in FFHQ, in a crop of 512x512 pixels
(facexlib's values)."""

ARCFACE_SIZE = 112
ARCFACE_TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""The same points in ArcFace's crop of 112x112 pixels (arXiv 1801.07698); the one of 112x96
(SphereFace, arXiv 1704.08063) is its middle."""


def ffhq_landmarks(size: int) -> NDArray[np.float64]:
    """(5, 2): the template's points in a crop of `size` x `size` pixels.

    It is scaled about the crop's corner, which lies half a pixel before pixel 0.
    """
    return _scaled(FFHQ_TEMPLATE, size / FFHQ_SIZE)


def arcface_landmarks(height: int, width: int) -> NDArray[np.float64]:
    """(5, 2): ArcFace's points in a crop of `height` x `width` pixels, scaled with its height as
    `ffhq_landmarks` are, in the middle of its width."""
    return _scaled(ARCFACE_TEMPLATE, height / ARCFACE_SIZE) - [(height - width) / 2, 0]


def _scaled(template: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    return (template + 0.5) * factor - 0.5


def similarity(source: NDArray, target: NDArray) -> Matrix:
    """The rotation, scaling and shift that carry points onto others with the least squared error
    (Umeyama, IEEE PAMI 13(4), 1991, equations 40 to 42, for the plane).

    Args:
        source: (P, 2) points.
        target: (P, 2) where they should go.

    Raises:
        ValueError: all source points are the same, or a point is not finite.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    centre, goal = source.mean(0), target.mean(0)
    source, target = source - centre, target - goal
    spread = np.square(source).sum()
    if not (np.isfinite(spread) and np.isfinite(target).all() and spread > 1e-9):
        raise ValueError("landmarks that are all one point or not finite cannot be aligned")
    cosine = (source * target).sum() / spread
    sine = (source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum() / spread
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack((turn, (goal - turn @ centre)[:, None]))
