"""Scores of restored faces by each metric, kept on disk like them."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from smfd_plugin.benchmark import store
from smfd_plugin.benchmark.intervals import Bootstrap, Finish, Interval
from smfd_plugin.benchmark.measures import Measure, SetMeasure, implementation
from smfd_plugin.benchmark.options import Options
from smfd_plugin.benchmark.results import DatasetResult, Failure, Row, attempt, versions
from smfd_plugin.data.pictures import Picture

NO_NUMBER = "gives no number for these faces"


def measure_rows(
    name: str,
    dataset: DatasetResult,
    measures: Mapping[str, Measure | SetMeasure],
    options: Options,
) -> list[str]:
    """Fills the rows of a data set and of its parts with scores, and with differences to the
    reference method; returns what could not be measured, and why."""
    notes = []
    reason = dataset.rows[options.reference].reason
    if reason is not None and dataset.methods():
        notes.append(f"{name}: differences to {options.reference}, which was not run: {reason}")
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
        found, failures = _values(f"{name}: {metric}", dataset, measure, file, some_have)
        notes += failures
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
            notes += [f"{what}: {metric} of {method}: {NO_NUMBER}" for method in unknown]
    return notes


def _values(
    title: str,
    dataset: DatasetResult,
    measure: Measure | SetMeasure,
    file: str,
    some_have: Callable[[str], bool],
) -> tuple[dict[str, Any], list[str]]:
    """What _measure_set or _measure_all gives, by method, and why it failed for others, each reason
    once."""
    found: dict[str, Any] = {}
    failed: dict[str, list[str]] = {}
    for method in dataset.methods():
        what = f"{title} of {method}"
        if isinstance(measure, SetMeasure):
            value = attempt(what, _measure_set, dataset, method, measure, file)
        else:
            value = attempt(what, _measure_all, dataset, method, measure, some_have, file, what)
        if isinstance(value, Failure):
            failed.setdefault(value.reason, []).append(method)
        elif value is not None:
            found[method] = value
    notes = [f"{title} of {', '.join(methods)}: {reason}" for reason, methods in failed.items()]
    return found, notes


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


def _measure_all(
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


def _measure_set(
    dataset: DatasetResult, method: str, measure: SetMeasure, file: str
) -> float | None:
    """What a metric of all faces together gives; None if there are too few of them.

    Raises:
        ValueError: it is no number.
        FileNotFoundError: a restored face is gone.
    """
    kept = store.ScoreFile(dataset.folder / method / file)
    faces = f"all of {_short_hash([entry.name for entry in dataset.entries])}"
    if faces not in kept.values:
        value = measure.measure(_pairs(dataset, method))
        if value is None:
            return None
        if np.isnan(value):
            raise ValueError(NO_NUMBER)
        kept.add(faces, value)
    return float(kept.values[faces])


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
