"""The methods that can be compared.

A new kind of method is a function `build(context, *, OPTION, ...) -> Method` in METHODS; the names
of its options are those in the option file.
"""

from collections.abc import Callable, Mapping
from typing import Any

from smfd_plugin.benchmark.arguments import arguments
from smfd_plugin.benchmark.methods import classics, difface, networks, peers
from smfd_plugin.benchmark.methods.base import Context, Method, weights_digest

__all__ = ["METHODS", "Context", "Method", "build_method", "weights_digest"]

METHODS: dict[str, Callable[..., Method]] = {
    "input": classics.unchanged,
    "wiener": classics.wiener,
    "richardson_lucy": classics.richardson_lucy,
    "difface": difface.difface,
    "smfd": networks.smfd,
    "basicsr": networks.basicsr,
    "spandrel": peers.spandrel,
}
"""By the `type` in an option file."""


def build_method(options: Mapping[str, Any], context: Context) -> Method:
    """The method that an entry of `methods` describes.

    Raises:
        ValueError: options or weights that do not fit.
        FileNotFoundError: its weights are not here.
        ModuleNotFoundError: a package that it needs is not installed.
    """
    return METHODS[options["type"]](context, **arguments(options))
