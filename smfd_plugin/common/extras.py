"""The optional parts of the package, which pip calls extras."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Imports in the block say which extra of the package brings what is missing.

    Args:
        name: of the extra, see pyproject.toml.

    Raises:
        ModuleNotFoundError: a module is not installed; the message names it and the remedy.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed: pip install 'smfd-plugin[{name}]'", name=error.name
        ) from error
