"""The results as table.json, for programs, and table.md, for people."""

import json
import math
import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from smfd_plugin.benchmark.costs import Cost
from smfd_plugin.benchmark.intervals import LEVEL, MIN_FACES, RESAMPLES, Interval
from smfd_plugin.benchmark.options import Options
from smfd_plugin.benchmark.results import DatasetResult, Results, Row, versions

NOTHING = "–"  # noqa: RUF001
"""What stands in a cell that has no number."""

LEGEND = (
    f"Scores are means with bootstrap {LEVEL:.0%} intervals over faces ({RESAMPLES} draws), none "
    f"with fewer than {MIN_FACES} faces."
)
LEGEND_OF_DIFFERENCES = " Differences are paired: the same faces, the same draws."

COSTS = {
    "parameters (M)": lambda cost: cost.parameters and cost.parameters / 1e6,
    "GFLOPs": lambda cost: cost.flops and cost.flops / 1e9,
    "time (ms)": lambda cost: cost.milliseconds,
    "memory (MiB)": lambda cost: cost.mebibytes,
}
"""Columns of the table of costs."""


class Table(NamedTuple):
    """A head and rows of cells, as text; a cell that is the best of its column begins with BEST."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


BEST = "*"
NOT_RUN = "not run: "


def to_json(options: Options, results: Results) -> dict[str, Any]:
    """All results as plain values; an interval is [value, low, high], null where there is none."""
    return {
        "name": options.name,
        "seed": options.seed,
        "reference": options.reference,
        "interval": {"level": LEVEL, "resamples": RESAMPLES},
        "device": device_name(options.device),
        "versions": versions(),
        "lower_is_better": results.lower,
        "datasets": {
            name: {
                "reason": dataset.reason,
                "pairs": len(dataset.entries),
                "faces": count_faces(dataset),
                "methods": {method: _row(row) for method, row in dataset.rows.items()},
                "parts": {
                    part: {
                        "pairs": len(some.entries),
                        "methods": {method: _row(row) for method, row in some.rows.items()},
                    }
                    for part, some in dataset.parts.items()
                },
            }
            for name, dataset in results.datasets.items()
        },
        "costs": {name: vars(cost) for name, cost in results.costs.items()},
        "timing": options.timing and vars(options.timing),
        "weights_sha256": results.digests,
        "notes": results.notes,
        "seconds": {what: round(value, 1) for what, value in results.seconds.items()},
    }


def to_markdown(options: Options, results: Results) -> str:
    """The tables of scores, differences and costs, with what a reader must know of them."""
    parts = [f"# Benchmark {options.name}"]
    for name, dataset in results.datasets.items():
        heading = f"## {name}: {describe(dataset)}"
        if dataset.reason is not None:
            parts.append(heading)
            continue
        parts.append(f"{heading}, seed {options.seed}")
        parts += map(markdown_table, dataset_tables(dataset, results, options.reference))
    if results.costs:
        parts.append(f"## Costs\n\n{describe_timing(options)}")
        parts.append(markdown_table(costs_table(results.costs)))
    if results.notes:
        parts.append("## Not measured\n\n" + "\n".join(f"- {note}" for note in results.notes))
    parts.append(legend(results))
    return "\n\n".join(part for part in parts if part) + "\n"


def legend(results: Results) -> str:
    """What the numbers in the tables of scores and, where there are any, of differences are."""
    rows = [row for dataset in results.datasets.values() for row in dataset.rows.values()]
    return LEGEND + (LEGEND_OF_DIFFERENCES if any(row.differences for row in rows) else "")


def dataset_tables(dataset: DatasetResult, results: Results, reference: str) -> list[Table]:
    """Scores and differences of a data set, then those of its parts; some without rows."""
    return [
        scores_table(dataset, results),
        differences_table(dataset, results, reference),
        _by_part(dataset, lambda part: scores_table(part, results)),
        _by_part(dataset, lambda part: differences_table(part, results, reference)),
    ]


def _by_part(dataset: DatasetResult, tabulate: Callable[[DatasetResult], Table]) -> Table:
    """The tables of all parts as one."""
    tables = {
        f"{name} ({len(part.entries)})": tabulate(part) for name, part in dataset.parts.items()
    }
    rows = [[name, *row] for name, table in tables.items() for row in table.rows]
    return Table(["part (samples)", *next(iter(tables.values())).head] if rows else [], rows)


def scores_table(dataset: DatasetResult, results: Results) -> Table:
    """Methods in rows, metrics in columns."""
    metrics = shown_metrics(dataset, results)
    best = {metric: _best(dataset, metric, results.lower[metric]) for metric in metrics}

    def cell(method: str, metric: str) -> str:
        interval = dataset.rows[method].scores.get(metric)
        text = format_interval(interval)
        is_best = interval is not None and interval.value == best[metric]
        return BEST + text if is_best else text

    head = [f"{metric} {arrow(results.lower[metric])}" for metric in metrics]
    return Table(
        ["method", *(head or ["no metric applies"])],
        [
            [method, *([cell(method, metric) for metric in metrics] or [NOTHING])]
            if row.reason is None
            else [method, NOT_RUN + row.reason, *[""] * (len(metrics) - 1)]
            for method, row in dataset.rows.items()
        ],
    )


def differences_table(dataset: DatasetResult, results: Results, reference: str) -> Table:
    """Each method minus the reference method; without rows if there is nothing to compare."""
    metrics = [
        metric
        for metric in shown_metrics(dataset, results)
        if any(metric in row.differences for row in dataset.rows.values())
    ]
    return Table(
        [f"minus {reference}", *(f"{metric} {arrow(results.lower[metric])}" for metric in metrics)],
        [
            [method, *(format_interval(row.differences.get(metric), "+") for metric in metrics)]
            for method, row in dataset.rows.items()
            if row.differences
        ],
    )


def costs_table(costs: Mapping[str, Cost]) -> Table:
    """Methods in rows, costs in columns."""
    return Table(
        ["method", *COSTS],
        [
            [method, *(format_number(column(cost)) for column in COSTS.values())]
            for method, cost in costs.items()
        ],
    )


def markdown_table(table: Table) -> str:
    """The table in Markdown, the best of each column in bold; empty without rows."""
    if not table.rows:
        return ""
    lines = [table.head, ["---"] + ["---:"] * (len(table.head) - 1)]
    lines += [[_markdown_cell(cell) for cell in row] for row in table.rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def describe(dataset: DatasetResult) -> str:
    """How many pairs of how many faces, or why it was not run."""
    if dataset.reason is not None:
        return NOT_RUN + dataset.reason
    return f"{len(dataset.entries)} samples of {count_faces(dataset)} face(s)"


def describe_timing(options: Options) -> str:
    """On what, and how, the costs were measured."""
    return (
        f"One face of {options.timing.size}x{options.timing.size} on "
        f"{device_name(options.device)}; time is the median of {options.timing.rounds} rounds, "
        "all methods in rotation in one process."
    )


def count_faces(dataset: DatasetResult) -> int:
    """Different faces in a data set."""
    return len({entry.face for entry in dataset.entries})


def shown_metrics(dataset: DatasetResult, results: Results) -> list[str]:
    """Metrics that some method of this data set has, in the option file's order."""
    return [
        metric
        for metric in results.lower
        if any(metric in row.scores for row in dataset.rows.values())
    ]


def arrow(lower: bool) -> str:
    """Which way is better."""
    return "↓" if lower else "↑"


def format_interval(interval: Interval | None, sign: str = "") -> str:
    """`27.13 [26.80, 27.44]`."""
    if interval is None:
        return NOTHING
    value, low, high = interval
    text = format_number(value, sign)
    if low is None:
        return text
    return f"{text} [{format_number(low, sign)}, {format_number(high, sign)}]"


def format_number(value: float | None, sign: str = "") -> str:
    """Three decimals for small numbers, fewer for large ones."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    digits = 3 if abs(value) < 10 else 2 if abs(value) < 100 else 0
    return f"{value:{sign}.{digits}f}"


def device_name(device: torch.device) -> str:
    """The device as a reader knows it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} threads)"


def dump(value: Any) -> str:
    """JSON in which numbers that it does not know (PSNR of equal pictures) are null."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _markdown_cell(cell: str) -> str:
    cell = cell.replace("|", "\\|")
    return f"**{cell.removeprefix(BEST)}**" if cell.startswith(BEST) else cell


def _row(row: Row) -> dict[str, Any]:
    return {"reason": row.reason, "scores": row.scores, "differences": row.differences}


def _best(dataset: DatasetResult, metric: str, lower: bool) -> float | None:
    choose: Callable[[Iterable[float]], float] = min if lower else max
    values = [row.scores[metric].value for row in dataset.rows.values() if metric in row.scores]
    return choose(values) if values else None
