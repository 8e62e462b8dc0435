"""Files that are written whole or not at all, so that a kill never leaves half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOTDIR
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The place to write a file to: it has the file's name, in a temporary folder beside it, and
    becomes `path` at the end of the block. If the block raises, `path` stays as it was, and the
    folder goes. The folder of `path` is made if it is not there.

    Raises:
        OSError: the place cannot be written to; it names `path`, and what is no folder above it.
    """
    try:
        with naming(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = TemporaryDirectory(prefix=".partial-", dir=path.parent)
    except (FileExistsError, NotADirectoryError) as error:
        obstacle = next(above for above in path.parents if os.path.lexists(above))
        raise NotADirectoryError(ENOTDIR, f"{obstacle} is no folder", str(path)) from error
    with folder as name:
        partial = Path(name, path.name)
        yield partial
        with naming(path):  # it may be a folder
            os.replace(partial, path)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Makes an OSError of the block name `path`, and not a file that the user does not know.

    Raises:
        OSError: the block's, of its kind and with its reason.
    """
    try:
        yield
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
