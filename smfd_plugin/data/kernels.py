"""Blur kernels: float32 arrays of odd size that sum to 1 with their centroid in the middle.

Lengths, radii and sigmas are in pixels, angles in degrees, counter-clockwise as seen on screen.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Kernel = NDArray[np.float32]

SAMPLES_PER_PIXEL = 8
SHAKE_SAMPLES = 128


IDENTITY: Kernel = np.ones((1, 1), np.float32)
"""No blur at all."""


def line_kernel(extent: float, angle: float) -> Kernel:
    """Steady motion along a straight line that spans `extent` pixels."""
    radius = (extent - 1) / 2
    offsets = np.linspace(-radius, radius, max(2, round(extent * SAMPLES_PER_PIXEL)))
    return _expose(np.stack((offsets, np.zeros_like(offsets)), 1), angle)


def shake_kernel(extent: float, angle: float, seed: int) -> Kernel:
    """Camera shake: a trajectory with inertia, drawn from `seed`, `extent` pixels wide, turned by
    `angle`. Uneven speed makes the exposure along it uneven (after Boracchi and Foi, IEEE TIP 2012,
    section IV)."""
    rng = np.random.default_rng(seed)
    heading = np.cumsum(rng.normal(0, 0.25, SHAKE_SAMPLES))
    speed = np.exp(np.cumsum(rng.normal(0, 0.15, SHAKE_SAMPLES)))
    path = np.cumsum(speed[:, None] * np.stack((np.cos(heading), np.sin(heading)), 1), 0)
    path *= (extent - 1) / np.ptp(path, axis=0).max()
    steps = np.linspace(0, SHAKE_SAMPLES - 1, round(2 * extent * SAMPLES_PER_PIXEL))
    fine = np.stack([np.interp(steps, np.arange(SHAKE_SAMPLES), axis) for axis in path.T], 1)
    return _expose(fine, angle)


def gaussian_kernel(sigma_x: float, sigma_y: float, angle: float = 0.0) -> Kernel:
    """Gaussian with these standard deviations along its own axes, turned by `angle`."""
    radius = int(np.ceil(3 * max(sigma_x, sigma_y)))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    along, across = cos * x - sin * y, sin * x + cos * y
    kernel = np.exp(-0.5 * ((along / sigma_x) ** 2 + (across / sigma_y) ** 2))
    return _normalise(kernel)


def disk_kernel(radius: float) -> Kernel:
    """Defocus of a round aperture, anti-aliased."""
    reach = int(np.ceil(radius))
    fine = SAMPLES_PER_PIXEL * (2 * reach + 1)
    position = (np.arange(fine) + 0.5) / SAMPLES_PER_PIXEL - (reach + 0.5)
    inside = position[:, None] ** 2 + position[None, :] ** 2 <= radius**2
    cells = inside.reshape(2 * reach + 1, SAMPLES_PER_PIXEL, -1, SAMPLES_PER_PIXEL)
    return _normalise(cells.mean((1, 3)))


def convolve(first: Kernel, second: Kernel) -> Kernel:
    """One kernel after the other: their full convolution."""
    margin = second.shape[0] // 2
    padded = np.pad(first.astype(np.float64), margin)
    flipped = cv2.flip(second, -1)
    full = cv2.filter2D(padded, -1, flipped, borderType=cv2.BORDER_CONSTANT)
    return _normalise(np.maximum(full, 0))  # OpenCV's FFT leaves zeros of either sign


def fit_kernel(kernel: Kernel, size: int) -> Kernel:
    """The kernel as (size, size), `size` odd: with zeros around it, or cut off and normalised."""
    margin = (size - kernel.shape[0]) // 2
    if margin >= 0:
        return np.pad(kernel, margin)
    inside = kernel[-margin:margin, -margin:margin].astype(np.float64)
    return _normalise(inside)


def _expose(path: NDArray[np.float64], angle: float) -> Kernel:
    """Light gathered along `path`, (n, 2) points at equal times, its mean moved to the centre.

    Each point is shared between its four neighbours, which keeps the centroid exact.
    """
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    points = (path - path.mean(0)) @ np.array([[cos, -sin], [sin, cos]])
    # Less one part in 10^9, so that a rounding error cannot widen the kernel by a ring of zeros.
    radius = int(np.ceil(np.abs(points).max() - 1e-9))
    size = 2 * radius + 1
    corner = np.clip(np.floor(points), -radius, radius - 1).astype(int)
    share = points - corner
    column, row = (corner + radius).T
    flat = np.zeros(size * size)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dx - share[:, 0]) * np.abs(1 - dy - share[:, 1])
            flat += np.bincount((row + dy) * size + column + dx, weight, size * size)
    return _normalise(flat.reshape(size, size))


def _normalise(kernel: NDArray[np.float64]) -> Kernel:
    return (kernel / kernel.sum()).astype(np.float32)
