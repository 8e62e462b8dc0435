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
from smfd_plugin.benchmark.intervals import Bootstrap, Finish, Interval
from smfd_plugin.benchmark.loading import load_datasets, load_measures, load_methods
from smfd_plugin.benchmark.measures import Measure, SetMeasure, implementation
from smfd_plugin.benchmark.methods import METHODS, Method
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
    codes = {name: _method_code(options.methods[name], each) for name, each in methods.items()}
    for name, dataset in results.ran():
        with results.clock("restoring"):
            data = options.datasets[name]
            files = store.stamps(data)
            for method_name, method in methods.items():
                entry = options.methods[method_name]
                origin = {
                    "method": entry,
                    "weights": results.digests.get(method_name),
                    "code": codes[method_name],
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
    reference method, which is noted if it was not run."""
    reason = dataset.rows[options.reference].reason
    if reason is not None and dataset.methods():
        results.notes.append(
            f"{name}: differences to {options.reference}, which was not run: {reason}"
        )
    for part in dataset.parts.values():
        part.rows = {method: Row() for method in dataset.methods()}
    parts = {name: dataset} | {f"{name}, {part}": each for part, each in dataset.parts.items()}
    bootstraps = {
        what: Bootstrap([entry.face for entry in part.entries], options.seed)
        for what, part in parts.items()
    }
    place = {entry.name: i for i, entry in enumerate(dataset.entries)}
    some_have = cache(partial(_some_have, dataset))
    for metric, measure in measures.items():
        file = _score_file(metric, options.metrics[metric], measure)
        found = _values(f"{name}: {metric}", dataset, measure, file, some_have, results)
        if isinstance(measure, SetMeasure):
            for method, score in found.items():
                dataset.rows[method].scores[metric] = Interval(score, None, None)
            continue
        for what, part in parts.items():
            chosen = [place[entry.name] for entry in part.entries]
            values = {method: value[chosen] for method, value in found.items()}
            unknown = _score(
                part, metric, values, measure.finish, bootstraps[what], options.reference
            )
            results.notes += [f"{what}: {metric} of {method}: {NO_NUMBER}" for method in unknown]


def _values(
    title: str,
    dataset: DatasetResult,
    measure: Measure | SetMeasure,
    file: str,
    some_have: Callable[[str], bool],
    results: Results,
) -> dict[str, Any]:
    """What measure_set or measure_all gives, by method; failures are noted, each reason once."""
    found: dict[str, Any] = {}
    failed: dict[str, list[str]] = {}
    for method in dataset.methods():
        what = f"{title} of {method}"
        if isinstance(measure, SetMeasure):
            value = attempt(what, measure_set, dataset, method, measure, file)
        else:
            value = attempt(what, measure_all, dataset, method, measure, some_have, file, what)
        if isinstance(value, Failure):
            failed.setdefault(value.reason, []).append(method)
        elif value is not None:
            found[method] = value
    results.notes += [
        f"{title} of {', '.join(methods)}: {reason}" for reason, methods in failed.items()
    ]
    return found


def _score(
    part: DatasetResult,
    metric: str,
    values: Mapping[str, NDArray],
    finish: Finish,
    bootstrap: Bootstrap,
    reference: str,
) -> list[str]:
    """Fills the rows with scores, made of a metric's values by method, and with differences to the
    reference method; returns the methods whose score is no number, and so left out."""
    unknown = []
    for method, value in values.items():
        score = bootstrap.interval(value, finish)
        if np.isnan(score.value):
            unknown.append(method)
            continue
        row = part.rows[method]
        row.scores[metric] = score
        if reference in values and method != reference:
            row.differences[metric] = bootstrap.difference(value, values[reference], finish)
    return unknown


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


def _method_code(entry: Mapping[str, Any], method: Method | Failure) -> str | None:
    """The source_digest of a method and of all parts of its network."""
    net = None if isinstance(method, Failure) else method.net
    parts = {type(part) for part in net.modules()} if net is not None else set()
    return store.source_digest(METHODS[entry["type"]], *parts)


def _score_file(metric: str, entry: Mapping[str, Any], measure: Measure | SetMeasure) -> str:
    """Name of the file of a metric's numbers: another one for other options, files or code."""
    code = store.source_digest(implementation(entry["type"]))
    origin = [entry, str(measure.weights or ""), code, versions()]
    return f"{metric}-{_short_hash([origin, store.stamps(origin)])}.scores"


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
