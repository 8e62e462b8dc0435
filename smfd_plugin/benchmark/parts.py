"""Parts of a data set: its samples by kind and by strength of blur."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from smfd_plugin.benchmark.datasets import Entry
from smfd_plugin.data.kernels import Kernel
from smfd_plugin.data.scenario import KINDS, MOTION_KINDS

STRENGTHS = (2, 4, 6)
"""Blur radii in pixels where one class of strength ends and the next begins."""


def blur_radius(kernel: Kernel) -> float:
    """How far a blur spreads light: the root of the mean square distance from the centre, pixels.

    It compares kinds: a line of 22 pixels, a Gaussian with a sigma of 4.3 and a disk with a radius
    of 8.6 all have 6.0 to 6.1.
    """
    reach = kernel.shape[0] // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return float(np.sqrt((kernel * (x * x + y * y)).sum()))


def split(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Samples whose blur is known, by motion or lens, by kind, and by strength; none is empty."""
    known = [entry for entry in entries if entry.scenario is not None]
    kinds = {"motion": MOTION_KINDS, "lens": set(KINDS) - set(MOTION_KINDS)}
    kinds |= {kind: (kind,) for kind in KINDS}
    parts = {
        name: [entry for entry in known if entry.scenario.kind in members]
        for name, members in kinds.items()
    }
    classes = np.digitize([blur_radius(entry.scenario.kernel()) for entry in known], STRENGTHS)
    ends = (0, *STRENGTHS, "")
    for number, (low, high) in enumerate(pairwise(ends)):
        name = f"radius {low} to {high} px" if high else f"radius from {low} px"
        parts[name] = [
            entry for entry, found in zip(known, classes, strict=True) if found == number
        ]
    return {name: part for name, part in parts.items() if part}
