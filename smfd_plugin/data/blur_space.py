"""Every degradation as one integer: the randomized blurring pipeline of SMFD-UNet.

The paper (arXiv 2604.07477) speaks of about 1.74 trillion different degradations; so many has the
default space.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from functools import cached_property
from math import ceil, hypot, prod
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from smfd_plugin.common.option_names import check_names
from smfd_plugin.data.enlarge import resampling_reach
from smfd_plugin.data.scenario import FACTORS, Scenario


class BlurSpace:
    """The product of discrete factors; an integer in [0, len(space)) names one scenario.

    Numbering is mixed radix: the last factor varies fastest. Kernel sizes are in pixels, so one
    space means stronger blur on smaller faces.

    Args:
        factors: values in place of the default ones, by factor (see scenario.FACTORS).
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
        defaults = {name: factor.default for name, factor in FACTORS.items()}
        self.factors = defaults | _checked_factors(factors or {})
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
        factor = FACTORS[name]
        unfit = [value for value in values if not factor.fits(value)]
        if unfit:
            said = ", ".join(map(str, unfit)) if factor.names else repr(unfit[0])
            raise ValueError(f"blur factor {name!r} cannot be {said}; {factor.needed}")
    return {name: tuple(map(_plain, values)) for name, values in factors.items()}


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
