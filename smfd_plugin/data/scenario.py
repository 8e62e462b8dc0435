"""One degradation of a face, and what each of its factors may be.

The paper (arXiv 2604.07477) speaks of motion and Gaussian blur; defocus, noise and JPEG among the
factors are ours, and so are blur in linear light, enlarged pictures and grain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from numbers import Integral, Real

import cv2
import numpy as np
from numpy.typing import NDArray

from smfd_plugin.data import kernels, noise
from smfd_plugin.data.enlarge import INTERPOLATIONS, enlarge, resampling_kernel, shrink
from smfd_plugin.data.kernels import Kernel
from smfd_plugin.data.srgb import from_linear, to_linear

MOTION_KINDS = ("line", "shake", "mixed")
KINDS = (*MOTION_KINDS, "gaussian", "anisotropic", "defocus")

_LINEAR = to_linear(np.arange(256, dtype=np.float32) / 255)


@dataclass(frozen=True)
class Factor:
    """What one factor of a degradation may be.

    Attributes:
        default: its values in the default BlurSpace.
        names: all values that there are, where they are names.
        least: where they are numbers, the least.
        most: the largest.
        whole: whether they are whole numbers.
    """

    default: Sequence
    names: Sequence[str] = ()
    least: float = -inf
    most: float = inf
    whole: bool = False

    def fits(self, value: object) -> bool:
        """Whether the factor can have that value."""
        if self.names:
            return value in self.names
        kind = Integral if self.whole else Real
        return isinstance(value, kind) and isfinite(value) and self.least <= value <= self.most

    @property
    def needed(self) -> str:
        """What a value has to be, for an error message."""
        if self.names:
            return f"known: {', '.join(self.names)}"
        kind = "a whole number" if self.whole else "a number"
        return f"it is {kind} from {self.least} to {self.most}"


_SIGMAS = Factor(tuple(round(0.4 + 0.2 * i, 1) for i in range(20)), least=0.01)
_ORDERS = ("noise-jpeg", "jpeg-noise")

FACTORS = {
    "kind": Factor(KINDS, names=KINDS),
    "extent": Factor(tuple(range(3, 32, 2)), least=2),
    "angle": Factor(tuple(5.0 * i for i in range(36))),
    "seed": Factor(range(1200), least=0, whole=True),
    "sigma_x": _SIGMAS,
    "sigma_y": _SIGMAS,
    "radius": Factor(tuple(1.0 + 0.5 * i for i in range(10)), least=0.1),
    "noise": Factor((0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0), least=0),
    "jpeg": Factor((0, 95, 90, 85, 80, 70, 60), least=0, most=100, whole=True),
    "order": Factor(_ORDERS, names=_ORDERS),
    "light": Factor(("encoded",), names=("encoded", "linear")),
    "shrink": Factor((1.0,), least=1),
    "interpolation": Factor(("cubic",), names=tuple(INTERPOLATIONS)),
    "grain": Factor((0.0,), least=0),
    "noise_colour": Factor(("coloured",), names=("coloured", "grey")),
}
"""The factors in the order of Scenario's fields. By default they make 1,741,824,000,000 scenarios,
sized for faces of 256x256 pixels."""


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
        noise: standard deviation of Gaussian noise, in 1/255 of full scale.
        jpeg: quality of a JPEG compression, 0 for none.
        order: `noise-jpeg` (a camera's) or `jpeg-noise` (a compressed source seen again).
        light: what is blurred: the picture's `encoded` values, as in most sets of blurry pictures,
            or the `linear` light that they stand for, as in a camera: bright spots spread further.
        shrink: how many times smaller the blurry picture was stored: noise and JPEG come at that
            size, and the picture is enlarged afterwards. 1: it has the size it always had.
        interpolation: how it is enlarged: `linear`, `cubic` or `lanczos`.
        grain: pixels, standard deviation of a Gaussian that the noise is smoothed by, as strong as
            before: a film's grain is coarser than a sensor's noise, which is white (0).
        noise_colour: `coloured`, each channel with noise of its own, or `grey`, as in a film's
            grain.

    Raises:
        ValueError: a value that there is not, see FACTORS.
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
    grain: float = 0.0
    noise_colour: str = "coloured"

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            factor = FACTORS[name]
            if not factor.fits(value):
                raise ValueError(f"a scenario's {name} cannot be {value!r}; {factor.needed}")

    def stretched(self, factor: float) -> "Scenario":
        """The same with a kernel so many times larger, for faces of so many times the size; noise
        and JPEG stay as they are.

        Raises:
            ValueError: a factor that makes a value too small.
        """
        lengths = ("extent", "sigma_x", "sigma_y", "radius")
        return replace(self, **{name: factor * getattr(self, name) for name in lengths})

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
        grey = self.noise_colour == "grey"
        return image + self.noise * noise.draw(image.shape, self.seed, self.grain, grey)

    def _compress(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if not self.jpeg:
            return image
        _, data = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, self.jpeg))
        return cv2.imdecode(data, cv2.IMREAD_COLOR)


def _to_uint8(image: NDArray) -> NDArray[np.uint8]:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
