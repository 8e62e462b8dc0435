"""Restored faces, kept on disk so that a later run goes on where this one stopped."""

from collections.abc import Callable, Mapping
from typing import Any

from tqdm import tqdm

from smfd_plugin.benchmark import store
from smfd_plugin.benchmark.arguments import without
from smfd_plugin.benchmark.datasets import DATASETS, OF_ALL
from smfd_plugin.benchmark.methods import METHODS, Method
from smfd_plugin.benchmark.options import Options
from smfd_plugin.benchmark.results import DatasetResult, Failure, Row, attempt, versions
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.pictures import write_picture


def restore_rows(
    name: str,
    dataset: DatasetResult,
    methods: Mapping[str, Method | Failure],
    digests: Mapping[str, str],
    options: Options,
) -> dict[str, Row]:
    """Restores a data set by each method; rows without scores yet.

    Args:
        name: of the data set.
        digests: SHA-256 of the methods' weights.
    """
    data = without(options.datasets[name], OF_ALL)
    files = store.stamps(data)
    data_code = store.source_digest(DATASETS[data["type"]], BlurSpace)
    rows = {}
    for method_name, method in methods.items():
        entry = options.methods[method_name]
        origin = {
            "method": entry,
            "weights": digests.get(method_name),
            "code": _method_code(entry, method),
            "data": data,
            "data_code": data_code,
            "files": files | store.stamps(entry) | store.stamps(entry, options.weights),
            "seed": options.seed,
            "versions": versions(),
        }
        title = f"{name}: {method_name}"
        rows[method_name] = _restore_row(dataset, method_name, method, origin, title)
    return rows


def _restore_row(
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
    done = attempt(title, _restore_all, method, dataset, method_name, title)
    return Row(done.reason if isinstance(done, Failure) else None)


def _restore_all(method: Method, dataset: DatasetResult, method_name: str, title: str) -> None:
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


def _method_code(entry: Mapping[str, Any], method: Method | Failure) -> str | None:
    """The source_digest of a method, of all parts of its network and of what it calls."""
    parts: set[Callable] = set()
    if isinstance(method, Method):
        parts.update(method.calls)
        parts.update(map(type, method.net.modules() if method.net is not None else ()))
    return store.source_digest(METHODS[entry["type"]], *parts)
