"""What a run leaves on disk, so that one that was cut off goes on and a changed one starts anew."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smfd_plugin.data.sources import Picture, read_picture


def open_folder(folder: Path, origin: Mapping[str, Any]) -> Path:
    """A folder for results that come from `origin` (options, weights); one that holds results of
    another origin is emptied."""
    note = folder / "origin.json"
    text = json.dumps(origin, sort_keys=True, default=str, indent=1)
    if not note.is_file() or note.read_text() != text:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(text)
    return folder


def read_kept(path: Path) -> Picture | None:
    """A picture of an earlier run, or None if there is none that can be read."""
    if not path.is_file():
        return None
    try:
        return read_picture(path)
    except ValueError:
        return None


def keep(path: Path, picture: Picture) -> None:
    """Writes a picture, whole or not at all. Raises OSError if it cannot."""
    partial = path.with_name(f".partial-{path.name}")
    if not cv2.imwrite(str(partial), picture):
        raise OSError(f"cannot write {path}")
    os.replace(partial, path)


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
