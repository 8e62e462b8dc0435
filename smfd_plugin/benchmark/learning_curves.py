"""Learning curves from BasicSR's logs: `python -m smfd_plugin.benchmark.learning_curves -h`."""

import argparse
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from matplotlib.figure import Figure

Curve = list[tuple[int, float]]
"""Points (step, value)."""

START = re.compile(r"Start training from epoch: \d+, iter: (\d+)")
STEP = re.compile(r"\[epoch:.*iter:\s*([\d,]+),")
LOSS = re.compile(r"\b(l_\w+): (\S+)")
VALIDATION = re.compile(r"INFO: Validation (\S+?)(?:: mask (mIoU) (\S+))?$")
SCORE = re.compile(r"^\t # (\w+): (\S+)")
OPTION = re.compile(r"^\s+(batch_size_per_gpu|world_size): (\d+)")
SMOOTHING = 0.2
"""The part of its curve over which a loss is averaged."""


@dataclass
class Log:
    """What the log of one run tells. A resumed run's steps are counted from where it went on.

    Attributes:
        name: of the file.
        losses: by name.
        scores: by data set and metric, on whole data sets.
        crops_per_step: of all processes together.
    """

    name: str
    losses: dict[str, Curve] = field(default_factory=lambda: defaultdict(list))
    scores: dict[str, Curve] = field(default_factory=lambda: defaultdict(list))
    crops_per_step: int = 1

    def last_step(self) -> int:
        """The last one with a loss."""
        return max(curve[-1][0] for curve in self.losses.values())


def read_log(path: Path) -> Log:
    """Reads a log that `basicsr train` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file without any step of training.
    """
    log = Log(path.stem)
    options: dict[str, int] = {}
    first, step, dataset = 0, 0, ""
    for line in path.read_text("utf-8", "replace").splitlines():
        if option := OPTION.match(line):
            options.setdefault(option[1], int(option[2]))
        elif found := START.search(line):
            first = int(found[1])
        elif found := STEP.search(line):
            step = int(found[1].replace(",", "")) - first
            for name, value in LOSS.findall(line):
                log.losses[name].append((step, float(value)))
        elif found := VALIDATION.search(line):
            dataset = found[1]
            if found[2]:
                log.scores[f"{dataset} {found[2]}"].append((step, float(found[3])))
        elif found := SCORE.match(line):
            log.scores[f"{dataset} {found[1]}"].append((step, float(found[2])))
    if not log.losses:
        raise ValueError(f"{path} is no log of a training run")
    log.crops_per_step = options.get("batch_size_per_gpu", 1) * options.get("world_size", 1)
    return log


def smooth(curve: Curve) -> Curve:
    """Each point's value averaged with its neighbours', fewer of them at the ends."""
    reach = int(len(curve) * SMOOTHING / 2)
    values = [value for _, value in curve]
    return [
        (step, fmean(values[max(i - reach, 0) : i + reach + 1]))
        for i, (step, _) in enumerate(curve)
    ]


def draw(logs: Sequence[Log]) -> Figure:
    """One panel for each loss and each score that a log has, over the crops seen.

    Args:
        logs: of runs that each started from the weights of the one before; they are laid end to
            end.
    """
    losses = dict.fromkeys(name for log in logs for name in log.losses)
    scores = dict.fromkeys(name for log in logs for name in log.scores)
    panels = [*losses, *scores]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure((4 * columns, 2.8 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    start = 0
    for colour, log in enumerate(logs):
        for axis, name in zip(axes, panels, strict=False):
            if name in losses:
                curve = log.losses.get(name, [])
                axis.plot(*_points(log, curve, start), color=f"C{colour}", alpha=0.25)
                axis.plot(*_points(log, smooth(curve), start), color=f"C{colour}", label=log.name)
            else:
                points = _points(log, log.scores.get(name, []), start)
                axis.plot(*points, "o-", color=f"C{colour}", label=log.name)
        start += log.last_step() * log.crops_per_step
    for axis, name in zip(axes, panels, strict=False):
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("crops seen, thousands", fontsize=8)
        axis.tick_params(labelsize=8)
    axes[0].legend(fontsize=8)
    return figure


def _points(log: Log, curve: Curve, start: int) -> tuple[list[float], list[float]]:
    crops = [(start + step * log.crops_per_step) / 1000 for step, _ in curve]
    return crops, [value for _, value in curve]


def main() -> None:
    """Reads logs and writes a picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "logs",
        metavar="LOG",
        type=Path,
        nargs="+",
        help="of runs that each went on from the one before",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("learning_curves.png"))
    args = parser.parse_args()
    try:
        logs = [read_log(path) for path in args.logs]
    except (OSError, ValueError) as error:
        parser.error(str(error))
    draw(logs).savefig(args.output, dpi=110)
    print(args.output)


if __name__ == "__main__":
    main()
