"""What a benchmark found."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from basicsr.utils import get_root_logger

from smfd_plugin.benchmark.costs import Cost
from smfd_plugin.benchmark.datasets import Entry
from smfd_plugin.benchmark.intervals import Interval


@dataclass(frozen=True)
class Failure:
    """Why something could not be done, in one line."""

    reason: str


def attempt[**P, T](
    what: str, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T | Failure:
    """What an action gives, or why it failed: one thing that fails must not stop the others.

    Args:
        what: its name in the log.
        action: called with the other arguments.
    """
    try:
        return action(*args, **kwargs)
    except Exception as error:
        get_root_logger().debug(what, exc_info=True)
        reason = " ".join(str(error).split())
        if not reason or isinstance(error, LookupError | AttributeError | TypeError):
            reason = f"{type(error).__name__} {reason}".strip()
        get_root_logger().warning(f"{what}: not run: {reason}")
        return Failure(reason)


PACKAGES = (
    *("smfd-plugin", "basicsr", "torch", "opencv-python", "opencv-python-headless"),
    *("scikit-image", "scipy", "lpips"),
)
"""Those that results depend on most."""


def versions() -> dict[str, str]:
    """Of those PACKAGES that are installed."""
    found = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@dataclass
class Row:
    """One method on one data set.

    Attributes:
        reason: why it was not run; None: it was.
        scores: by metric, of those that were measured.
        differences: the score minus the reference method's, by metric.
    """

    reason: str | None = None
    scores: dict[str, Interval] = field(default_factory=dict)
    differences: dict[str, Interval] = field(default_factory=dict)


@dataclass
class DatasetResult:
    """One data set.

    Attributes:
        folder: where the restored faces lie, FOLDER/METHOD/SAMPLE.png.
        entries: its samples.
        reason: why it was not run; None: it was.
        rows: by method.
        parts: some of its samples, reported for themselves, too; see parts.split.
    """

    folder: Path
    entries: list[Entry] = field(default_factory=list)
    reason: str | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    parts: dict[str, "DatasetResult"] = field(default_factory=dict)

    def restored(self, method: str, entry: Entry) -> Path:
        """Where a restored face lies."""
        return self.folder / method / f"{entry.name}.png"

    def methods(self) -> list[str]:
        """Those that ran."""
        return [name for name, row in self.rows.items() if row.reason is None]


@dataclass
class Results:
    """All that a benchmark found.

    Attributes:
        datasets: by name.
        costs: by method, of those that ran.
        digests: SHA-256 of the weights, by method.
        lower: whether less is better, by metric that was measured.
        notes: what could not be measured, and why.
        seconds: where the time went.
    """

    datasets: dict[str, DatasetResult] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    lower: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def clock(self, what: str) -> Iterator[None]:
        """Adds the time of a block to `seconds`."""
        start = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0) + time.perf_counter() - start

    def ran(self) -> list[tuple[str, DatasetResult]]:
        """The data sets that were run, by name."""
        return [(name, each) for name, each in self.datasets.items() if each.reason is None]

    def restored(self) -> list[tuple[str, DatasetResult]]:
        """Those of them that some method restored."""
        return [(name, each) for name, each in self.ran() if each.methods()]
