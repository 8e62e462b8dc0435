"""Entries of an option file as keyword-only arguments of functions."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from smfd_plugin.option_names import check_names


def check_arguments(what: str, function: Callable, options: Mapping[str, Any]) -> None:
    """Checks an entry before its function is called.

    Args:
        what: the entry's name, for the message.
        function: it takes the entry's options, but for `type`, by name.
        options: the entry.

    Raises:
        ValueError: an option is missing or is none of the function's.
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD
    }
    given = arguments(options)
    check_names(what, given, parameters)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in given:
            raise ValueError(f"{what} lacks the option {name!r}")


def arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's options without its `type`."""
    return {name: value for name, value in options.items() if name != "type"}
