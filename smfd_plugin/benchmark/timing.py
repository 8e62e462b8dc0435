"""Time that several things take, measured side by side."""

import time
from collections.abc import Callable, Mapping
from statistics import median

from tqdm import tqdm


def median_seconds(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each run, in seconds, by name.

    Each runs once a round, so that a machine that is slow for a while is slow for all.

    Args:
        runs: by name, warmed up; each returns when its device is done.
        rounds: how often to measure.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in tqdm(range(rounds), desc="timing", unit="round"):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in times.items()}
