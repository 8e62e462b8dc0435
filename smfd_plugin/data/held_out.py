"""The list of faces held out for validation, so that no later run adds them to the training set."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from smfd_plugin.common.checksum import checksum
from smfd_plugin.common.whole_files import whole_file
from smfd_plugin.data.sources import Item

LIST = "held_out.txt"
"""In a folder of training faces: a line for each face held out, as `sha256sum` writes it, with the
digest of the file that it came from and its name there, without suffix and prefix."""

ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}
"""File names may be any bytes."""


def note(root: Path, items: Iterable[Item]) -> None:
    """Adds faces to the list of those held out from `root`; files that cannot be read are left out.

    Raises:
        OSError: the list cannot be read or written.
    """
    lines = _read(root)
    for item in items:
        with suppress(OSError):  # the face is not written either
            lines[_line(item)] = None
    if lines:
        with whole_file(root / LIST) as partial:
            partial.write_text("".join(f"{line}\n" for line in lines), **ENCODING)


def left(root: Path, items: Sequence[Item]) -> list[Item]:
    """The faces that no run has held out from `root`: those with another name or another file.

    Raises:
        OSError: the list, or the file of a face with a name in it, cannot be read.
    """
    lines = _read(root)
    names = {line.partition("  ")[2] for line in lines}
    return [item for item in items if item.name not in names or _line(item) not in lines]


def _read(root: Path) -> dict[str, None]:
    """The lines of the list, in order."""
    path = root / LIST
    text = path.read_text(**ENCODING) if path.is_file() else ""
    return dict.fromkeys(line for line in text.split("\n") if line)


def _line(item: Item) -> str:
    return f"{checksum(item.path)}  {item.name}"
