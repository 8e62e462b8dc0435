"""The methods that can be compared; importing this package registers them."""

from smfd_plugin.benchmark.methods import classics, difface, networks, peers
from smfd_plugin.benchmark.methods.base import (
    METHODS,
    Context,
    Method,
    build_method,
    weights_digest,
)

__all__ = [
    "METHODS",
    "Context",
    "Method",
    "build_method",
    "classics",
    "difface",
    "networks",
    "peers",
    "weights_digest",
]
