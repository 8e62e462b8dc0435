"""The blurry face itself, and deconvolution with the true kernel: what needs no weights."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import oaconvolve

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods.base import Context, Method
from smfd_plugin.data.pictures import Picture
from smfd_plugin.data.srgb import from_linear, to_linear

Deconvolve = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""From one channel in [0, 1] and the kernel to the sharp channel."""


def unchanged(context: Context) -> Method:
    """The blurry face as it is."""
    return Method(lambda sample: sample.lq)


def wiener(context: Context, *, balance: float = 0.3) -> Method:
    """Wiener-Hunt deconvolution (Hunt, IEEE Transactions on Computers C-22(9), 1973), by
    scikit-image, with the true kernel; a smaller `balance` sharpens noise too. The default is what
    is best for the noise and JPEG of BlurSpace; estimated for each face (Orieux et al., JOSA A
    27(7), 2010) it made some faces worse than they were."""
    from skimage import restoration

    def deconvolve(channel: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray:
        return restoration.wiener(channel, kernel, balance, clip=False)

    return Method(lambda sample: _by_channel(deconvolve, sample))


def richardson_lucy(context: Context, *, iterations: int = 30) -> Method:
    """Richardson-Lucy deconvolution (JOSA 62(1), 1972), by scikit-image, with the true kernel; more
    iterations sharpen noise too."""
    from skimage import restoration

    def deconvolve(channel: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray:
        return restoration.richardson_lucy(channel, kernel, iterations, filter_epsilon=1e-6)

    return Method(lambda sample: _by_channel(deconvolve, sample))


def _by_channel(deconvolve: Deconvolve, sample: Sample) -> Picture:
    if sample.scenario is None:
        raise ValueError("needs the true kernel, which is not known for these faces")
    linear = sample.scenario.light == "linear"
    kernel = sample.scenario.kernel().astype(np.float64)
    margin = 2 * kernel.shape[0]
    lq = to_linear(sample.lq / 255) if linear else sample.lq / 255
    extended = extend(lq, kernel, margin)
    sharp = np.stack([deconvolve(extended[..., c], kernel) for c in range(3)], -1)
    inside = sharp[margin:-margin, margin:-margin].clip(0, 1)
    return np.rint(255 * (from_linear(inside) if linear else inside)).astype(np.uint8)


def extend(
    image: NDArray[np.float64], kernel: NDArray[np.float64], margin: int
) -> NDArray[np.float64]:
    """Puts a margin around a blurry picture in which it turns smoothly into one that is periodic
    and blurred by the same kernel, as deconvolution takes it to be; without it, the border rings
    through the whole picture. The idea is that of MATLAB's `edgetaper`.

    Args:
        image: (H, W, 3) blurry.
        kernel: (K, K), K odd.
        margin: pixels on each side.

    Returns:
        (H + 2 margin, W + 2 margin, 3); the picture itself, in the middle, is unchanged.
    """
    padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), "symmetric")
    radius = kernel.shape[0] // 2
    wrapped = np.pad(padded, ((radius, radius), (radius, radius), (0, 0)), "wrap")
    blurred = oaconvolve(wrapped, kernel[..., None], "valid", axes=(0, 1))
    rise = (1 - np.cos(np.pi * (np.arange(margin) + 0.5) / margin)) / 2
    rows, columns = (np.concatenate([rise, np.ones(size), rise[::-1]]) for size in image.shape[:2])
    share = (rows[:, None] * columns)[..., None]
    return share * padded + (1 - share) * blurred
