"""Blur from outside the BlurSpace: to see whether a network learned to deblur, or the BlurSpace.

Nothing here is shared with smfd_plugin.data: motion is the mean of shifted pictures, not a kernel;
apertures are drawn as polygons; blown-out highlights are blurred in linear light.

Functions take a sharp (H, W, 3) uint8 BGR face, sized about 256x256, and a generator that draws
how strong the blur is; they give the blurry face, same shape and type, with a little noise.
"""

from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

NOISE = 2.0
"""Standard deviation of the noise, in 1/255 of full scale."""

SUBFRAMES = 64
"""Shifted pictures whose mean is a motion blur."""

EXPOSED = 200
"""Steps of a camera's path for one exposure."""


def inertial_shake(gt: Picture, rng: np.random.Generator) -> Picture:
    """A hand-held camera: a mass on a damped spring, pushed at random, seen through an exposure
    that is brighter at some times than at others. Spans 8 to 28 pixels."""
    position, velocity = np.zeros(2), rng.normal(0, 1, 2)
    path = np.empty((EXPOSED, 2))
    for step in range(EXPOSED):
        push = rng.normal(0, 6, 2) if rng.random() < 0.05 else 0.0
        velocity = velocity + 0.1 * (push - 0.4 * position - 0.3 * velocity)
        position = position + 0.1 * velocity
        path[step] = position
    path *= rng.uniform(8, 28) / np.ptp(path, axis=0).max()
    moments = np.sort(rng.uniform(0, EXPOSED - 1, SUBFRAMES))
    shifts = np.stack([np.interp(moments, np.arange(EXPOSED), axis) for axis in path.T], 1)
    light = 1 + 0.8 * np.sin(np.linspace(0, rng.uniform(2, 12), SUBFRAMES) + rng.uniform(0, 6.3))
    return _noisy(_mean_of_shifted(gt.astype(np.float32), shifts, light), rng)


def polygonal_defocus(gt: Picture, rng: np.random.Generator) -> Picture:
    """A lens out of focus whose aperture has 5 to 8 straight blades. Radius 2 to 6 pixels."""
    blades, radius, turn = rng.integers(5, 9), rng.uniform(2, 6), rng.uniform(0, 2 * np.pi)
    fine = 16  # drawn so many times larger, then averaged
    half = int(np.ceil(radius))
    side = (2 * half + 1) * fine
    angles = turn + 2 * np.pi * np.arange(blades) / blades
    corners = (side - 1) / 2 + radius * fine * np.stack((np.cos(angles), np.sin(angles)), 1)
    aperture = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(aperture, np.rint(corners).astype(np.int32), 1)
    kernel = cv2.resize(
        aperture.astype(np.float32), (2 * half + 1,) * 2, None, 0, 0, cv2.INTER_AREA
    )
    blurry = cv2.filter2D(
        gt.astype(np.float32), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE
    )
    return _noisy(blurry, rng)


def saturated_motion(gt: Picture, rng: np.random.Generator) -> Picture:
    """A straight motion in linear light with highlights brighter than white, which leave streaks
    that are cut off at white. Spans 8 to 24 pixels."""
    linear = (gt / np.float32(255)) ** np.float32(2.2)
    bright = linear.min(2, keepdims=True) > 0.9  # white in the sharp face too
    linear = np.where(bright, linear * np.float32(rng.uniform(1.5, 4)), linear)
    extent, angle = rng.uniform(8, 24), rng.uniform(0, np.pi)
    along = np.linspace(-extent / 2, extent / 2, SUBFRAMES)
    shifts = along[:, None] * np.array([np.cos(angle), np.sin(angle)])
    blurry = _mean_of_shifted(linear, shifts, np.ones(SUBFRAMES))
    return _noisy(255 * blurry.clip(0, 1) ** (1 / 2.2), rng)


FOREIGN_BLURS: dict[str, Callable[[Picture, np.random.Generator], Picture]] = {
    "inertial_shake": inertial_shake,
    "polygonal_defocus": polygonal_defocus,
    "saturated_motion": saturated_motion,
}


def _mean_of_shifted(
    image: NDArray[np.float32], shifts: NDArray[np.float64], weights: Iterable[float]
) -> NDArray[np.float32]:
    """Weighted mean of the picture, moved by each (x, y) less their mean, so that it stays put."""
    weights = np.asarray(weights, np.float64) / np.sum(weights)
    shifts = shifts - weights @ shifts
    total = np.zeros_like(image)
    for (x, y), weight in zip(shifts, weights, strict=True):
        moved = cv2.warpAffine(
            image, np.array([[1, 0, x], [0, 1, y]]), image.shape[1::-1],
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        total += np.float32(weight) * moved
    return total


def _noisy(image: NDArray, rng: np.random.Generator) -> Picture:
    noise = NOISE * rng.standard_normal(image.shape, np.float32)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)
