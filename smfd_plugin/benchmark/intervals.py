"""How sure a mean over faces is: bootstrap intervals, also of paired differences."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
MIN_FACES = 10
"""With fewer, the intervals hold the truth much more rarely than LEVEL says."""

Finish = Callable[[NDArray[np.float64]], float]
"""From the mean of what was measured per sample to the score."""


class Interval(NamedTuple):
    """A score with the ends of its interval, which are None where there are too few faces."""

    value: float
    low: float | None
    high: float | None


class Bootstrap:
    """Percentile bootstrap (Efron, 1979) over faces, not samples: several blurs of one face are
    drawn together, since they resemble each other. All methods get the same draws. Intervals of n
    faces are widened by sqrt(n / (n - 1)), since a sample varies less about its own mean than about
    the true one; there are none with fewer than MIN_FACES.

    Args:
        faces: N names, the face that each sample shows.
        seed: of the draws.
    """

    def __init__(self, faces: Sequence[str], seed: int) -> None:
        names, self._face = np.unique(np.asarray(faces), return_inverse=True)
        rng = np.random.default_rng(seed)
        draws = rng.integers(len(names), size=(RESAMPLES, len(names)))
        counts = np.stack([np.bincount(draw, minlength=len(names)) for draw in draws])
        self._faces = len(names)
        self._weights = counts[:, self._face].astype(np.float64)  # (RESAMPLES, N)

    def interval(self, values: NDArray[np.float64], finish: Finish) -> Interval:
        """Of one method's score; `values` is (N, ...), what was measured per sample."""
        return self._interval(finish(values.mean(0)), self._scores(values, finish))

    def difference(
        self, values: NDArray[np.float64], reference: NDArray[np.float64], finish: Finish
    ) -> Interval:
        """Of one method's score minus another's, both (N, ...) for the same samples."""
        value = finish(values.mean(0)) - finish(reference.mean(0))
        return self._interval(value, self._scores(values, finish) - self._scores(reference, finish))

    def _scores(self, values: NDArray[np.float64], finish: Finish) -> NDArray[np.float64]:
        totals = np.tensordot(self._weights, values, 1)
        counts = self._weights.sum(1).reshape(-1, *[1] * (values.ndim - 1))
        return np.array([finish(mean) for mean in totals / counts])

    def _interval(self, value: float, scores: NDArray[np.float64]) -> Interval:
        if self._faces < MIN_FACES or not np.isfinite(scores).all():
            return Interval(float(value), None, None)
        ends = np.quantile(scores, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low, high = value + (ends - value) * np.sqrt(self._faces / (self._faces - 1))
        return Interval(float(value), float(low), float(high))
