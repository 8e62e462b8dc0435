"""Between a picture's encoded values and the light that they stand for (sRGB, IEC 61966-2-1)."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def to_linear[Array: (NDArray[np.float32], Tensor)](encoded: Array) -> Array:
    """Light in [0, 1] of encoded values in [0, 1], of any shape."""
    dark = encoded <= 0.04045
    return dark * (encoded / 12.92) + ~dark * ((encoded + 0.055) / 1.055) ** 2.4


def from_linear[Array: (NDArray[np.float32], Tensor)](light: Array) -> Array:
    """Encoded values in [0, 1] of light in [0, 1], the inverse of `to_linear`."""
    dark = light <= 0.0031308
    return dark * (12.92 * light) + ~dark * (1.055 * light ** (1 / 2.4) - 0.055)
