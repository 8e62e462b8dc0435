"""Pictures of the results: faces side by side, bars, and quality against cost."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from smfd_plugin.benchmark.datasets import Entry, pick_evenly
from smfd_plugin.benchmark.results import DatasetResult, Results
from smfd_plugin.benchmark.store import read_restored
from smfd_plugin.benchmark.table import arrow, shown_metrics
from smfd_plugin.data.pictures import Picture

EYES = (0.30, 0.40, 0.70, 0.56)
"""Left, top, right and bottom of the eyes in a face aligned as in FFHQ, as parts of its side."""

TRUTH = "sharp"


def columns(dataset: DatasetResult, entry: Entry) -> dict[str, Picture]:
    """A face as each method restored it, and the sharp one where it is known; all BGR."""
    pictures = {
        method: read_restored(dataset.restored(method, entry)) for method in dataset.methods()
    }
    sharp = entry.read().gt
    return pictures if sharp is None else pictures | {TRUTH: sharp}


def eyes(face: Picture) -> Picture:
    """The part of an aligned face with its eyes."""
    height, width = face.shape[:2]
    left, top, right, bottom = EYES
    rows = slice(round(top * height), round(bottom * height))
    return face[rows, round(left * width) : round(right * width)]


def comparison_figure(results: Results, count: int) -> Figure:
    """The same faces in columns by method, under each face its eyes enlarged."""
    rows = [
        columns(dataset, entry)
        for _, dataset in results.restored()
        for entry in pick_evenly(dataset.entries, count)
    ]
    _, first = results.restored()[0]
    names = [name for name in (*first.rows, TRUTH) if any(name in row for row in rows)]
    figure = Figure((1.7 * len(names), 2.4 * len(rows)), layout="constrained")
    axes = figure.subplots(
        2 * len(rows), len(names), squeeze=False, height_ratios=[1, 0.4] * len(rows)
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, name in zip(axes[0], names, strict=True):
        axis.set_title(name, fontsize=9)
    for i, row in enumerate(rows):
        for name, face in row.items():
            column = names.index(name)
            _show(axes[2 * i, column], face)
            _show(axes[2 * i + 1, column], eyes(face))
    return figure


def bars_figure(results: Results) -> Figure:
    """Each metric of each data set, with its intervals."""
    panels = [
        (name, dataset, metric)
        for name, dataset in results.ran()
        for metric in shown_metrics(dataset, results)
    ]
    width = 4
    lines = max(1, -(-len(panels) // width))
    figure = Figure((3 * width, 2.4 * lines), layout="constrained")
    axes = figure.subplots(lines, width, squeeze=False).ravel()
    for axis in axes:
        axis.set_visible(False)
    for axis, (name, dataset, metric) in zip(axes, panels, strict=False):
        axis.set_visible(True)
        methods = [each for each in dataset.methods() if metric in dataset.rows[each].scores]
        scores = [dataset.rows[method].scores[metric] for method in methods]
        values = [score.value for score in scores]
        colours = [_colour(dataset, method) for method in methods]
        axis.bar(methods, values, color=colours)
        axis.errorbar(methods, values, _error_bars(scores), fmt="none", ecolor="black", capsize=3)
        axis.set_title(f"{name}: {metric} {arrow(results.lower[metric])}", fontsize=9)
        axis.set_xlim(-0.5, len(methods) - 0.5)
        for i in np.flatnonzero(np.isinf(values)):  # such a bar is not drawn
            where = axis.get_xaxis_transform()
            axis.text(i, 0.5, "∞", transform=where, color=colours[i], ha="center", fontsize=16)
        axis.tick_params("x", rotation=40, labelsize=8)
        _zoom(axis, scores)
    return figure


def tradeoff_figure(results: Results) -> Figure:
    """Each metric against operations, where methods have both."""
    name, dataset = results.restored()[0]
    metrics = shown_metrics(dataset, results)
    panels = max(1, len(metrics))
    figure = Figure((3.4 * panels, 3), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for axis, metric in zip(axes, metrics, strict=False):
        for method in dataset.methods():
            colour = _colour(dataset, method)
            cost, score = results.costs.get(method), dataset.rows[method].scores.get(metric)
            if score is None:
                continue
            if cost is None or not cost.flops:
                axis.axhline(score.value, color=colour, linestyle=":", label=method)
            else:
                axis.plot(cost.flops / 1e9, score.value, "o", color=colour, label=method)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("")
        axis.set_xlabel("GFLOPs (dotted: none)", fontsize=8)
        axis.set_title(f"{name}: {metric} {arrow(results.lower[metric])}", fontsize=9)
        axis.legend(fontsize=7)
    return figure


def _colour(dataset: DatasetResult, method: str) -> str:
    """The same on all data sets, whether or not other methods ran."""
    return f"C{list(dataset.rows).index(method)}"


def _show(axis: Any, picture: Picture) -> None:
    axis.imshow(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), interpolation="lanczos")


def _error_bars(scores: Sequence[Any]) -> list[list[float]]:
    """How far below and above its value each interval reaches."""
    known = [score if score.low is not None else (score.value,) * 3 for score in scores]
    return [[value - low for value, low, _ in known], [high - value for value, _, high in known]]


def _zoom(axis: Any, scores: Sequence[Any]) -> None:
    """Bars from zero hide differences of a per cent: the axis begins near the smallest."""
    ends = [end for score in scores for end in score if end is not None and np.isfinite(end)]
    if ends:
        margin = 0.15 * (max(ends) - min(ends)) or 0.1
        axis.set_ylim(min(ends) - margin, max(ends) + margin)
