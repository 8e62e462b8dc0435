"""Every degradation as one integer: the randomized blurring pipeline of SMFD-UNet.

The paper (arXiv 2604.07477) speaks of motion and Gaussian blur in about 1.74 trillion different
degradations; the factors below, and defocus, noise and JPEG among them, are ours, and so are blur
in linear light and enlarged pictures, which add to them if asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from math import ceil, hypot, inf, isfinite, prod
from numbers import Integral, Real

import cv2
import numpy as np
from numpy.typing import NDArray

from smfd_plugin.data import kernels
from smfd_plugin.data.enlarge import (
    INTERPOLATIONS,
    enlarge,
    resampling_kernel,
    resampling_reach,
    shrink,
)
from smfd_plugin.data.kernels import Kernel
from smfd_plugin.data.light import from_linear, to_linear
from smfd_plugin.option_names import check_names

MOTION_KINDS = ("line", "shake", "mixed")

LIGHTS = ("encoded", "linear")

_LINEAR = to_linear(np.arange(256, dtype=np.float32) / 255)


@dataclass(frozen=True)
class Scenario:
    """One degradation: blur, then noise and JPEG in either order, in a picture that may have been
    smaller at that time.

    A factor that the kind of blur has no use for (the radius of a line, say) changes nothing.

    Attributes:
        kind: `line` (straight motion), `shake` (camera shake), `gaussian` (isotropic),
            `anisotropic` (Gaussian with two sigmas), `defocus` (disk) or `mixed` (line, then
            anisotropic).
        extent: pixels that a motion spans (line, shake, mixed).
        angle: degrees, direction of motion and of the Gaussian's first axis.
        seed: of the shake's trajectory and of the noise.
        sigma_x: pixels, Gaussian's standard deviation (gaussian, anisotropic, mixed), before it is
            sampled at the centres of pixels: 0.4 gives a kernel of 0.28, 1.0 one of 0.998.
        sigma_y: pixels, the same across the first axis (anisotropic, mixed).
        radius: pixels, of the defocus disk.
        noise: standard deviation of white Gaussian noise, in 1/255 of full scale.
        jpeg: quality of a JPEG compression, 0 for none.
        order: `noise-jpeg` (a camera's) or `jpeg-noise` (a compressed source seen again).
        light: what is blurred: the picture's `encoded` values, as in most sets of blurry pictures,
            or the `linear` light that they stand for, as in a camera: bright spots spread further.
        shrink: how many times smaller the blurry picture was stored: noise and JPEG come at that
            size, and the picture is enlarged afterwards. 1: it has the size it always had.
        interpolation: how it is enlarged: `linear`, `cubic` or `lanczos`.

    Raises:
        ValueError: a value that there is not, see NAMES and LIMITS.
    """

    kind: str
    extent: int
    angle: float
    seed: int
    sigma_x: float
    sigma_y: float
    radius: float
    noise: float
    jpeg: int
    order: str
    light: str = "encoded"
    shrink: float = 1.0
    interpolation: str = "cubic"

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not _fits(name, value):
                raise ValueError(f"a scenario's {name} cannot be {value!r}; {_needed(name)}")

    def kernel(self) -> Kernel:
        """The blur alone: odd-sized, float32, sum 1, centred."""
        match self.kind:
            case "line":
                return kernels.line_kernel(self.extent, self.angle)
            case "shake":
                return kernels.shake_kernel(self.extent, self.angle, self.seed)
            case "gaussian":
                return kernels.gaussian_kernel(self.sigma_x, self.sigma_x)
            case "anisotropic":
                return kernels.gaussian_kernel(self.sigma_x, self.sigma_y, self.angle)
            case "defocus":
                return kernels.disk_kernel(self.radius)
        lens = kernels.gaussian_kernel(self.sigma_x, self.sigma_y, self.angle)
        return kernels.convolve(kernels.line_kernel(self.extent, self.angle), lens)

    def psf(self) -> Kernel:
        """The point spread function: the kernel, and what shrinking and enlarging add to it."""
        if self.shrink == 1:
            return self.kernel()
        return kernels.convolve(self.kernel(), resampling_kernel(self.shrink, self.interpolation))

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Degrades a picture.

        Args:
            image: (H, W, 3) uint8 in OpenCV's BGR order (JPEG treats the colours differently).

        Returns:
            (H, W, 3) uint8, the same bytes at every call.

        Raises:
            ValueError: a picture of another type or shape.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"a picture is (H, W, 3) uint8, not {image.shape} {image.dtype}")
        stored = self._add_noise_and_jpeg(shrink(self._blur(image), self.shrink))
        return enlarge(stored, image.shape, self.interpolation)

    def _add_noise_and_jpeg(self, blurry: NDArray[np.float32]) -> NDArray[np.uint8]:
        if self.order == "noise-jpeg":
            return self._compress(_to_uint8(self._add_noise(blurry)))
        return _to_uint8(self._add_noise(self._compress(_to_uint8(blurry))))

    def _blur(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        linear = self.light == "linear"
        blurry = cv2.filter2D(
            _LINEAR[image] if linear else image,
            cv2.CV_32F,
            cv2.flip(self.kernel(), -1),
            borderType=cv2.BORDER_REFLECT_101,
        )
        return 255 * from_linear(blurry.clip(0, 1)) if linear else blurry

    def _add_noise(self, image: NDArray) -> NDArray:
        if not self.noise:
            return image
        rng = np.random.default_rng(self.seed)
        return image + self.noise * rng.standard_normal(image.shape, np.float32)

    def _compress(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not self.jpeg:
            return image
        _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, self.jpeg))
        return cv2.imdecode(data, cv2.IMREAD_COLOR)


def _to_uint8(image: NDArray) -> NDArray[np.uint8]:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


KINDS = ("line", "shake", "mixed", "gaussian", "anisotropic", "defocus")

FACTORS: dict[str, Sequence] = {
    "kind": KINDS,
    "extent": tuple(range(3, 32, 2)),
    "angle": tuple(5.0 * i for i in range(36)),
    "seed": range(1200),
    "sigma_x": tuple(round(0.4 + 0.2 * i, 1) for i in range(20)),
    "sigma_y": tuple(round(0.4 + 0.2 * i, 1) for i in range(20)),
    "radius": tuple(1.0 + 0.5 * i for i in range(10)),
    "noise": (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0),
    "jpeg": (0, 95, 90, 85, 80, 70, 60),
    "order": ("noise-jpeg", "jpeg-noise"),
    "light": ("encoded",),
    "shrink": (1.0,),
    "interpolation": ("cubic",),
}
"""The default factors: 1,741,824,000,000 scenarios, sized for faces of 256x256 pixels."""

NAMES = {
    "kind": KINDS,
    "order": FACTORS["order"],
    "light": LIGHTS,
    "interpolation": tuple(INTERPOLATIONS),
}
"""What the factors that have names for values may be."""


LIMITS = {
    "extent": (2, inf),
    "angle": (-inf, inf),
    "seed": (0, inf),
    "sigma_x": (0.01, inf),
    "sigma_y": (0.01, inf),
    "radius": (0.1, inf),
    "noise": (0, inf),
    "jpeg": (0, 100),
    "shrink": (1, inf),
}
"""Least and largest value of the factors that are numbers."""

WHOLE = ("seed", "jpeg")
"""Those that are whole numbers."""


class BlurSpace:
    """The product of discrete factors; an integer in [0, len(space)) names one scenario.

    Numbering is mixed radix: the last factor varies fastest. Kernel sizes are in pixels, so one
    space means stronger blur on smaller faces.

    Args:
        factors: values to replace in FACTORS, by factor.
        weights: relative frequencies in `sample`, by factor, one for each of its values; factors
            not named are drawn uniformly.

    Raises:
        ValueError: a factor or value that does not exist, no or repeated values, or weights that
            do not fit.
    """

    def __init__(
        self,
        factors: Mapping[str, Sequence] | None = None,
        weights: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.factors = FACTORS | _checked_factors(factors or {})
        self._digits = {
            name: {value: digit for digit, value in enumerate(values)}
            for name, values in self.factors.items()
        }
        self._odds = _checked_weights(weights or {}, self.factors)

    def __len__(self) -> int:
        return prod(len(values) for values in self.factors.values())

    @cached_property
    def reach(self) -> int:
        """Pixels that no kernel of this space reaches beyond."""
        motion = max(self.factors["extent"]) - 1
        lens = ceil(3 * max(*self.factors["sigma_x"], *self.factors["sigma_y"]))
        reach = {
            "line": ceil(motion / 2),
            "shake": ceil(hypot(motion, motion)),  # the mean may lie in a corner of the square
            "mixed": ceil(motion / 2) + lens,
            "gaussian": lens,
            "anisotropic": lens,
            "defocus": ceil(max(self.factors["radius"])),
        }
        return max(reach[kind] for kind in self.factors["kind"])

    @property
    def margin(self) -> int:
        """Pixels around a crop that blur, shrinking and enlarging may bring into it."""
        return self.reach + resampling_reach(max(self.factors["shrink"]))

    def __getitem__(self, index: int) -> Scenario:
        """The scenario of this number. Raises IndexError outside [0, len(space))."""
        if not 0 <= index < len(self):
            raise IndexError(f"scenario {index} is outside [0, {len(self)})")
        values = {}
        for name, choices in reversed(self.factors.items()):
            index, digit = divmod(int(index), len(choices))
            values[name] = choices[digit]
        return Scenario(**values)

    def index(self, scenario: Scenario) -> int:
        """The number of a scenario, the inverse of `space[i]`. Raises ValueError for a scenario
        that has a value outside the space."""
        index = 0
        for (name, digits), value in zip(self._digits.items(), astuple(scenario), strict=True):
            if value not in digits:
                raise ValueError(f"{name}={value!r} is not in this blur space")
            index = index * len(digits) + digits[value]
        return index

    def sample(self, rng: np.random.Generator) -> int:
        """Draws a scenario's number: uniform over the space but for the weighted factors."""
        index = 0
        for name, values in self.factors.items():
            odds = self._odds.get(name)
            digit = rng.integers(len(values)) if odds is None else rng.choice(len(values), p=odds)
            index = index * len(values) + int(digit)
        return index

    def apply(self, image: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """Degrades an (H, W, 3) uint8 BGR picture by scenario `index`, see Scenario.apply."""
        return self[index].apply(image)


def _checked_factors(factors: Mapping[str, Sequence]) -> dict[str, tuple]:
    if not isinstance(factors, Mapping):
        raise ValueError(f"blur factors need a list of values for each name, not {factors!r}")
    check_names("blur.factors", factors, FACTORS)
    for name, values in factors.items():
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise ValueError(f"blur factor {name!r} needs a list of values, not {values!r}")
        if not values or any(value in values[:i] for i, value in enumerate(values)):
            raise ValueError(f"blur factor {name!r} needs distinct values, at least one")
        unfit = [value for value in values if not _fits(name, value)]
        if unfit:
            said = ", ".join(map(str, unfit)) if name in NAMES else repr(unfit[0])
            raise ValueError(f"blur factor {name!r} cannot be {said}; {_needed(name)}")
    return {name: tuple(map(_plain, values)) for name, values in factors.items()}


def _fits(name: str, value: object) -> bool:
    """Whether a factor can have that value."""
    if name in NAMES:
        return value in NAMES[name]
    least, most = LIMITS[name]
    kind = Integral if name in WHOLE else Real
    return isinstance(value, kind) and isfinite(value) and least <= value <= most


def _needed(name: str) -> str:
    if name in NAMES:
        return f"known: {', '.join(NAMES[name])}"
    least, most = LIMITS[name]
    return f"it is {'a whole number' if name in WHOLE else 'a number'} from {least} to {most}"


def _plain(value: str | Real) -> str | int | float:
    """A value as Python's own, of numpy's for one: it goes into file names and to OpenCV."""
    if isinstance(value, str):
        return str(value)
    return int(value) if isinstance(value, Integral) else float(value)


def _checked_weights(
    weights: Mapping[str, Sequence[float]], factors: Mapping[str, Sequence]
) -> dict[str, NDArray[np.float64]]:
    if not isinstance(weights, Mapping):
        raise ValueError(f"blur weights need a list of numbers for each name, not {weights!r}")
    check_names("blur.weights", weights, factors)
    odds = {}
    for name, values in weights.items():
        array = np.asarray(values, np.float64)
        if not np.isfinite(array).all():
            raise ValueError(f"blur factor {name!r} needs weights that are finite, not {values}")
        if array.shape != (len(factors[name]),) or (array < 0).any() or not array.sum() > 0:
            raise ValueError(
                f"blur factor {name!r} needs {len(factors[name])} weights >= 0, not all zero"
            )
        odds[name] = array / array.sum()
    return odds
