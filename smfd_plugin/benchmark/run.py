"""Restores and measures: methods x data sets x metrics, going on where an earlier run stopped."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from smfd_plugin.benchmark import store
from smfd_plugin.benchmark.costs import Cost, measure_costs, resized
from smfd_plugin.benchmark.intervals import Bootstrap, Interval
from smfd_plugin.benchmark.loading import load_datasets, load_measures, load_methods
from smfd_plugin.benchmark.measures import Measure, SetMeasure, implementation
from smfd_plugin.benchmark.methods import Method
from smfd_plugin.benchmark.options import Options
from smfd_plugin.benchmark.results import (
    DatasetResult,
    Failure,
    Results,
    Row,
    attempt,
    versions,
)
from smfd_plugin.data.pictures import Picture, write_picture

NO_NUMBER = "gives no number for these faces"


def run(options: Options, folder: Path) -> Results:
    """Runs what can be run; what cannot is in the results, with the reason.

    Args:
        options: what to run.
        folder: where restored faces and scores are kept.

    Raises:
        FileNotFoundError: none of the data sets is there.
        ValueError: none of the methods could be run on any of them.
    """
    results = Results()
    with results.clock("loading"):
        results.datasets = load_datasets(options, folder)
        methods = load_methods(options, results)
        measures = load_measures(options, results)
    for name, dataset in results.ran():
        with results.clock("restoring"):
            data = options.datasets[name]
            files = store.stamps(data)
            for method_name, method in methods.items():
                entry = options.methods[method_name]
                origin = {
                    "method": entry,
                    "weights": results.digests.get(method_name),
                    "code": _network_code(method),
                    "data": data,
                    "files": files | store.stamps(entry) | store.stamps(entry, options.weights),
                    "seed": options.seed,
                    "versions": versions(),
                }
                dataset.rows[method_name] = restore_row(
                    dataset, method_name, method, origin, f"{name}: {method_name}"
                )
        with results.clock("measuring"):
            measure_rows(name, dataset, measures, options, results)
    if not results.restored():
        _, dataset = results.ran()[0]
        reasons = "; ".join(f"{name}: {row.reason}" for name, row in dataset.rows.items())
        raise ValueError(f"no method could be run: {reasons}")
    if options.timing:
        with results.clock("timing"):
            costs = attempt("timing", run_timing, methods, options, results)
            results.costs = {} if isinstance(costs, Failure) else costs
    return results


def restore_row(
    dataset: DatasetResult,
    method_name: str,
    method: Method | Failure,
    origin: Mapping[str, Any],
    title: str,
) -> Row:
    """Restores a data set by one method; a row without scores yet. `origin`: see store."""
    if isinstance(method, Failure):
        return Row(method.reason)
    store.open_folder(dataset.folder / method_name, origin)
    done = attempt(title, restore_all, method, dataset, method_name, title)
    return Row(done.reason if isinstance(done, Failure) else None)


def restore_all(method: Method, dataset: DatasetResult, method_name: str, title: str) -> None:
    """Writes the restored face of each sample that has none yet.

    Raises:
        ValueError: a result of another size than the input.
        Exception: whatever the method raises.
    """
    for entry in tqdm(dataset.entries, desc=title, unit="face"):
        path = dataset.restored(method_name, entry)
        if store.read_kept(path) is not None:
            continue
        sample = entry.read()
        restored = method.restore(sample)
        if restored.shape != sample.lq.shape:
            raise ValueError(f"gave {restored.shape} for {sample.lq.shape}")
        write_picture(path, restored)


def measure_rows(
    name: str,
    dataset: DatasetResult,
    measures: Mapping[str, Measure | SetMeasure],
    options: Options,
    results: Results,
) -> None:
    """Fills the rows of a data set and of its parts with scores, and with differences to the
    reference method."""
    parts = {f"{name}, {part}": each for part, each in dataset.parts.items()}
    bootstraps = [
        (what, each, Bootstrap([entry.face for entry in each.entries], options.seed))
        for what, each in ({name: dataset} | parts).items()
    ]
    for part in dataset.parts.values():
        part.rows = {method: Row() for method in dataset.methods()}
    place = {entry.name: i for i, entry in enumerate(dataset.entries)}
    some_have = cache(partial(_some_have, dataset))
    for metric, measure in measures.items():
        values: dict[str, NDArray] = {}
        described = options.metrics[metric]
        code = store.source_digest(implementation(described["type"]))
        origin = [described, str(measure.weights or ""), code, versions()]
        file = f"{metric}-{_short_hash([origin, store.stamps(origin)])}.scores"
        for method in dataset.methods():
            title = f"{name}: {metric} of {method}"
            if isinstance(measure, SetMeasure):
                found = attempt(title, measure_set, dataset, method, measure, file)
                if isinstance(found, float):
                    dataset.rows[method].scores[metric] = Interval(found, None, None)
            else:
                found = attempt(
                    title, measure_all, dataset, method, measure, some_have, file, title
                )
                if isinstance(found, np.ndarray):
                    values[method] = found
            if isinstance(found, Failure):
                results.notes.append(f"{title}: {found.reason}")
        for what, each, bootstrap in bootstraps:
            chosen = [place[entry.name] for entry in each.entries]
            for method, value in values.items():
                row = each.rows[method]
                score = bootstrap.interval(value[chosen], measure.finish)
                if np.isnan(score.value):
                    results.notes.append(f"{what}: {metric} of {method}: {NO_NUMBER}")
                    continue
                row.scores[metric] = score
                if options.reference in values and method != options.reference:
                    row.differences[metric] = bootstrap.difference(
                        value[chosen], values[options.reference][chosen], measure.finish
                    )


def measure_all(
    dataset: DatasetResult,
    method: str,
    measure: Measure,
    some_have: Callable[[str], bool],
    file: str,
    title: str,
) -> NDArray | None:
    """What a metric gives for each sample, (N, ...); None if it applies to none of them.
    `some_have`: whether any of them has this, see `_some_have`.

    Raises:
        ValueError: it applies to some of them only, so that its mean would be one of other faces;
            or what it gives for one is no number.
        FileNotFoundError: a restored face is gone.
    """
    kept = store.ScoreFile(dataset.folder / method / file)
    for entry in tqdm(dataset.entries, desc=title, unit="face"):
        if entry.name in kept.values:
            continue
        sample = entry.read()
        if not measure.applies_to(sample):
            if some_have(measure.needs):
                raise ValueError(
                    f"needs the {measure.needs} of every face, and {entry.name} has none"
                )
            return None
        restored = store.read_restored(dataset.restored(method, entry))
        value = measure.measure(restored, sample)
        if np.isnan(value).any():
            raise ValueError(f"gives no number for {entry.name}; is crop_border too large for it?")
        kept.add(entry.name, value)
    return np.stack([kept.values[entry.name] for entry in dataset.entries])


def measure_set(
    dataset: DatasetResult, method: str, measure: SetMeasure, file: str
) -> float | None:
    """What a metric of all faces together gives; None if there are too few of them.

    Raises:
        ValueError: it is no number.
        FileNotFoundError: a restored face is gone.
    """
    kept = store.ScoreFile(dataset.folder / method / file)
    if "all" not in kept.values:
        value = measure.measure(_pairs(dataset, method))
        if value is None:
            return None
        if np.isnan(value):
            raise ValueError(NO_NUMBER)
        kept.add("all", value)
    return float(kept.values["all"])


def run_timing(
    methods: Mapping[str, Method | Failure], options: Options, results: Results
) -> dict[str, Cost]:
    """Costs of the methods that ran on the first data set that one ran on, on its first face; those
    that fail on a face of this size are noted."""
    _, dataset = results.restored()[0]
    sample = resized(dataset.entries[0].read(), options.timing.size)
    able = {}
    for name in dataset.methods():
        tried = attempt(f"timing: {name}", methods[name].restore, sample)
        if isinstance(tried, Failure):
            results.notes.append(f"timing of {name}: {tried.reason}")
        else:
            able[name] = methods[name]
    return measure_costs(able, sample, options.timing.rounds, options.device)


def _network_code(method: Method | Failure) -> str | None:
    """The source_digest of a method's network; None where it has none."""
    if isinstance(method, Failure) or method.net is None:
        return None
    return store.source_digest(type(method.net))


def _some_have(dataset: DatasetResult, what: str) -> bool:
    """Whether any sample has this attribute; reads all of them, if none has."""
    return any(getattr(entry.read(), what) is not None for entry in dataset.entries)


def _pairs(dataset: DatasetResult, method: str) -> Iterator[tuple[Picture, Picture]]:
    """(restored, sharp) of all samples that have a sharp face."""
    for entry in dataset.entries:
        sample = entry.read()
        if sample.gt is not None:
            yield store.read_restored(dataset.restored(method, entry)), sample.gt


def _short_hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
