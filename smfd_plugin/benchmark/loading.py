"""Everything that a benchmark needs, loaded and tried before the long work begins."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from basicsr.utils import get_root_logger

from smfd_plugin.benchmark.datasets import build_dataset
from smfd_plugin.benchmark.measures import Measure, SetMeasure, build_measure
from smfd_plugin.benchmark.methods import Context, Method, build_method
from smfd_plugin.benchmark.options import Options
from smfd_plugin.benchmark.parts import split
from smfd_plugin.benchmark.results import DatasetResult, Failure, attempt


def load_datasets(options: Options, folder: Path) -> dict[str, DatasetResult]:
    """Lists the samples of each data set, and of its parts if it has the option `parts`.

    Raises:
        FileNotFoundError: there is none at all.
    """
    datasets = {}
    for name, entry in options.datasets.items():
        found = attempt(name, build_dataset, entry)
        if isinstance(found, Failure):
            datasets[name] = DatasetResult(folder / name, reason=found.reason)
        else:
            datasets[name] = DatasetResult(folder / name, found)
            if entry.get("parts"):
                datasets[name].parts = {
                    part: DatasetResult(folder / name, some) for part, some in split(found).items()
                }
    if all(dataset.reason for dataset in datasets.values()):
        reasons = "; ".join(f"{name}: {each.reason}" for name, each in datasets.items())
        raise FileNotFoundError(f"no data set can be run: {reasons}")
    return datasets


def load_methods(options: Options) -> dict[str, Method | Failure]:
    """The methods by name, or why one cannot be loaded."""
    context = Context(options.device, options.weights, options.download, options.seed)
    return {
        name: attempt(name, build_method, entry, context) for name, entry in options.methods.items()
    }


def load_measures(
    options: Options, datasets: Sequence[tuple[str, DatasetResult]]
) -> tuple[dict[str, Measure | SetMeasure], list[str]]:
    """The metrics that can be measured, each tried on a sample of one data set after another until
    it works, and why others cannot."""
    measures: dict[str, Measure | SetMeasure] = {}
    notes = []
    for name, entry in options.metrics.items():
        found = attempt(name, _tried_measure, entry, datasets)
        if isinstance(found, Failure):
            notes.append(f"{name} not measured: {found.reason}")
        else:
            measures[name] = found
    return measures, notes


def _tried_measure(
    entry: Mapping[str, Any], datasets: Sequence[tuple[str, DatasetResult]]
) -> Measure | SetMeasure:
    """The metric. Raises ValueError if it fails on every data set that has what it needs."""
    measure = build_measure(entry)
    if isinstance(measure, SetMeasure):
        return measure
    reasons = []
    for name, dataset in datasets:
        what = f"{name}: {entry['type']}"
        sample = attempt(what, dataset.entries[0].read)
        if isinstance(sample, Failure) or not measure.applies_to(sample):
            continue
        tried = attempt(what, measure.measure, sample.lq, sample)
        if not isinstance(tried, Failure):
            return measure
        reasons.append(tried.reason)
    if reasons:
        raise ValueError("; ".join(dict.fromkeys(reasons)))
    get_root_logger().info(f"{entry['type']}: no data set has what it needs")
    return measure
