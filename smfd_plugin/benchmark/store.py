"""What a run leaves on disk, so that one that was cut off goes on and a changed one starts anew."""

import hashlib
import inspect
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smfd_plugin.data.pictures import Picture, read_picture


def open_folder(folder: Path, origin: Mapping[str, Any]) -> None:
    """Makes a folder for results that come from `origin` (options, files, weights, code); one that
    holds those of another origin is emptied."""
    note = folder / "origin.json"
    text = json.dumps(origin, sort_keys=True, default=str, indent=1)
    if not note.is_file() or note.read_text() != text:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(text)


def stamps(options: object, root: Path = Path()) -> dict[str, tuple[int, int]]:
    """Size in bytes and modification time in ns of every file that some value in the nested options
    is the path of, relative to `root`; of a folder, all its files, behind links, too."""
    if isinstance(options, Mapping):
        options = list(options.values())
    if isinstance(options, Sequence) and not isinstance(options, str):
        return {path: stamp for value in options for path, stamp in stamps(value, root).items()}
    if not isinstance(options, str) or not options or not os.path.exists(root / options):
        return {}
    path = root / options
    inside = [
        Path(folder, name) for folder, _, names in os.walk(path, followlinks=True) for name in names
    ]
    files = [each for each in inside if each.is_file()] if path.is_dir() else [path]
    found = {str(file): file.stat() for file in sorted(files)}
    return {name: (status.st_size, status.st_mtime_ns) for name, status in found.items()}


def source_digest(*code: Callable[..., Any]) -> str | None:
    """SHA-256 of the Python files in the folders that classes or functions are written in, in
    hexadecimal digits; None where there are no such files. What they import from other folders is
    not seen."""
    folders = {file.parent for file in map(_source_file, code) if file is not None}
    files = sorted(file for folder in folders for file in folder.glob("*.py") if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {file.stat().st_size} ".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest() if files else None


def _source_file(code: Callable[..., Any]) -> Path | None:
    try:
        file = Path(inspect.getsourcefile(inspect.unwrap(code)))
    except TypeError:  # it is built in
        return None
    return file if file.is_file() else None  # what was typed in has none


def read_kept(path: Path) -> Picture | None:
    """A picture of an earlier run, or None if there is none that can be read."""
    if not path.is_file():
        return None
    try:
        return read_picture(path)
    except ValueError:
        return None


def read_restored(path: Path) -> Picture:
    """A picture of this run. Raises FileNotFoundError if it is gone or cannot be read any more."""
    picture = read_kept(path)
    if picture is None:
        raise FileNotFoundError(f"{path} is gone or damaged; run the benchmark again to restore it")
    return picture


class ScoreFile:
    """Numbers by name of the sample, one JSON line each, added as they are measured.

    Args:
        path: the file; a last line that was cut off is forgotten.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.values: dict[str, np.ndarray] = {}
        for line in path.read_text().splitlines() if path.is_file() else ():
            try:
                name, value = json.loads(line)
            except ValueError:
                continue
            self.values[name] = np.asarray(value, np.float64)

    def add(self, name: str, value: Any) -> None:
        """Keeps a number or an array."""
        self.values[name] = np.asarray(value, np.float64)
        with self._path.open("a") as file:
            file.write("\n" + json.dumps([name, self.values[name].tolist()]))
