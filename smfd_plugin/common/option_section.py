"""Sections of an option file as mappings that name an option that they lack."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any


class MissingOptionError(KeyError):
    """An option that is looked up and not there."""

    def __str__(self) -> str:  # KeyError's own shows a message in quotes
        return str(self.args[0])


class OptionSection(OrderedDict[str, Any]):
    """Options by name; to look up one that is not there raises MissingOptionError."""

    def __missing__(self, name: str) -> Any:
        raise MissingOptionError(f"the option file lacks the option {name!r}")

    def pop(self, name: str, *default: Any) -> Any:
        """As a dictionary's, with the same error as a look-up."""
        return super().pop(name, *default) if name in self or default else self[name]


def without_nulls(options: Mapping[str, Any]) -> OptionSection:
    """The options that are not null, which means absent."""
    return OptionSection((name, value) for name, value in options.items() if value is not None)


def plain(value: Any) -> Any:
    """The value with dictionaries for sections, at any depth: in a checkpoint PyTorch's safe
    loader takes no others."""
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value
