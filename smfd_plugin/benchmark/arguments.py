"""Entries of an option file as keyword-only arguments of functions."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from smfd_plugin.common.option_names import check_names, check_needed


def check_arguments(
    what: str, function: Callable, options: Mapping[str, Any], others: Collection[str] = ()
) -> None:
    """Checks an entry before its function is called.

    Args:
        what: the entry's name, for the message.
        function: it takes the entry's options, but for `type` and `others`, by name.
        options: the entry.
        others: options that are read elsewhere.

    Raises:
        ValueError: an option is missing, is not known, or its value is not of the
            type that is annotated there.
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD
    }
    given = arguments(options)
    check_names(what, given, (*parameters, *others))
    check_needed(what, given, parameters)
    for name, parameter in parameters.items():
        if name in given:
            check_type(f"{what}: {name}", given[name], parameter.annotation)


def arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's options without its `type`."""
    return without(options, ("type",))


def without(options: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """An entry's options but for those of these names."""
    return {name: value for name, value in options.items() if name not in names}


KINDS: dict[Any, tuple[str, Any]] = {
    str: ("text", str),
    int: ("a whole number", int),
    float: ("a number", int | float),
    bool: ("true or false", bool),
    NoneType: ("nothing (~)", NoneType),
    Sequence: ("a list", list | tuple),
    tuple: ("a list", list | tuple),
    Mapping: ("a section with options of its own", Mapping),
}
"""By annotated type: what an option file calls such a value, and what it is in Python."""


def check_type(what: str, value: Any, annotation: Any) -> None:
    """Checks the type of an option's value, but not of what is in a list or a section.

    Args:
        what: the option's name, for the message.
        value: as YAML gives it.
        annotation: one of KINDS, such a one with types of what is in it, or a union of them; a
            value of any other type fits.

    Raises:
        ValueError: a value of another type.
    """
    members = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    kinds = [get_origin(member) or member for member in members]
    known = [KINDS[kind] for kind in kinds if kind in KINDS]
    if len(known) < len(kinds) or any(is_kind(value, kind) for _, kind in known):
        return
    wanted = " or ".join(dict.fromkeys(words for words, _ in known))
    raise ValueError(f"{what} is {value!r}; it must be {wanted}")


def is_kind(value: Any, kind: Any) -> bool:
    """Whether it is of this type; true and false, to Python whole numbers, are of bool alone."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
