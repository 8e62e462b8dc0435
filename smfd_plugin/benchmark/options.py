"""The option file of a benchmark, checked before anything runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from basicsr.utils.registry import METRIC_REGISTRY

from smfd_plugin.benchmark.arguments import check_arguments, check_type, is_kind, without
from smfd_plugin.benchmark.datasets import DATASETS, OF_ALL
from smfd_plugin.benchmark.measures import OWN_METRICS
from smfd_plugin.benchmark.methods import METHODS
from smfd_plugin.common.option_names import check_names
from smfd_plugin.metrics.option_check import check_metric_options
from smfd_plugin.restore.network import pick_device

Entries = Mapping[str, Mapping[str, Any]]

_OWN = (
    *("name", "num_gpu", "manual_seed", "reference", "pictures", "download", "timing"),
    *("datasets", "methods", "metrics", "path"),
)
_BASICSR = ("dist", "dist_params", "rank", "world_size", "auto_resume", "is_train")
"""What BasicSR reads of an option file or adds to it."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How speed is measured: on a face of `size` pixels, the median of `rounds`."""

    size: int
    rounds: int = 5


@dataclass(frozen=True)
class Options:
    """A benchmark.

    Attributes:
        name: of its folder, results/benchmark/NAME.
        seed: of the bootstrap and of methods that draw random numbers.
        device: where networks run.
        download: whether missing weights of others may be fetched.
        weights: folder where these lie.
        reference: the method that others are compared with.
        methods: by name, see methods.build_method.
        datasets: by name, see datasets.build_dataset.
        metrics: by name, see measures.build_measure; `fid` with `weights`, see fid.inception.
        timing: None: speed is not measured.
        pictures: how many faces of each data set the figure and the report show.
    """

    name: str
    seed: int
    device: torch.device
    download: bool
    weights: Path
    reference: str
    methods: Entries
    datasets: Entries
    metrics: Entries
    timing: Timing | None
    pictures: int


def read_options(opt: Mapping[str, Any]) -> Options:
    """Checks the options that BasicSR read from the file.

    Raises:
        KeyError: an option is missing.
        ValueError: an option that does not fit; the message names it.
    """
    check_names("the option file", opt, (*_OWN, *_BASICSR))
    datasets = {
        entry["name"]: without(entry, ("name", "phase")) for entry in opt["datasets"].values()
    }
    if len(datasets) != len(opt["datasets"]):
        raise ValueError("two data sets of the option file share one name")
    metrics = opt["metrics"]
    _check_entries(opt["methods"], datasets, metrics)
    methods, datasets, metrics = map(_from_home, (opt["methods"], datasets, metrics))
    reference = opt["reference"]
    if reference not in list(methods):  # which it may be no name of at all
        raise ValueError(f"reference is {reference!r}, but the methods are {', '.join(methods)}")
    for name in (opt["name"], *methods, *datasets, *metrics):
        if not isinstance(name, str) or not name or Path(name).name != name or name == "..":
            raise ValueError(f"the name {name!r} cannot be a file's name")
    download = opt.get("download", False)
    check_type("download", download, bool)
    timing, pictures = opt.get("timing") or {}, opt.get("pictures", 4)
    if timing:
        _check_timing(timing)
    _check_counts({"pictures": pictures, **timing})
    weights = opt["path"]["weights"]
    if not isinstance(weights, str):
        raise ValueError(f"path.weights is {weights!r}; name a folder for weights of others")
    return Options(
        name=opt["name"],
        seed=opt["manual_seed"],
        device=pick_device("auto" if opt["num_gpu"] else "cpu"),
        download=download,
        weights=Path(weights).expanduser(),
        reference=reference,
        methods=methods,
        datasets=datasets,
        metrics=metrics,
        timing=Timing(**timing) if timing else None,
        pictures=pictures,
    )


def _check_entries(methods: Entries, datasets: Entries, metrics: Entries) -> None:
    _check_types("methods", methods, METHODS)
    _check_types("datasets", datasets, DATASETS)
    registered = [name for name, _ in METRIC_REGISTRY]
    _check_types("metrics", metrics, [*OWN_METRICS, *registered])
    for name, entry in methods.items():
        check_arguments(name, METHODS[entry["type"]], entry)
        given = [key for key in ("size", "iterations") if entry.get(key) is not None]
        _check_counts({f"{name}: {key}": entry[key] for key in given})
    for name, entry in datasets.items():
        counts = {f"{name}: {key}": entry[key] for key in ("size", "limit") if key in entry}
        _check_counts(counts)
        check_arguments(name, DATASETS[entry["type"]], entry, OF_ALL)
        check_type(f"{name}: parts", entry.get("parts", False), bool)
    for name, entry in metrics.items():
        if entry["type"] in OWN_METRICS:
            check_arguments(name, OWN_METRICS[entry["type"]], entry)
        else:
            check_metric_options(name, entry)


def _check_timing(timing: Any) -> None:
    if not isinstance(timing, Mapping):
        raise ValueError(f"timing is {timing!r}; it needs a `size`")
    check_arguments("timing", Timing, timing)


def _check_counts(counts: Mapping[str, Any]) -> None:
    for what, count in counts.items():
        if not is_kind(count, int) or count < 1:
            raise ValueError(f"{what} is {count!r}; it must be a whole number from 1")


def _check_types(section: str, entries: Entries, known: Any) -> None:
    if not entries:
        raise ValueError(f"the option file has no {section}")
    if not isinstance(entries, Mapping):
        raise ValueError(f"{section} is {entries!r}; each needs a name and a `type`")
    for name, entry in entries.items():
        if not isinstance(entry, Mapping) or "type" not in entry:
            raise ValueError(f"{section}: {name} needs a `type`, not {entry!r}")
        if entry["type"] not in known:
            raise ValueError(
                f"{section}: {name} has the unknown type {entry['type']!r}; there are "
                f"{', '.join(sorted(known))}"
            )


def _from_home(entries: Entries) -> Entries:
    """The entries with `~/` in their paths spelt out."""
    return {
        name: {
            key: os.path.expanduser(value) if isinstance(value, str) else value
            for key, value in entry.items()
        }
        for name, entry in entries.items()
    }
