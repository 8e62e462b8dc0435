"""What a method is, and the list of them.

A new kind of method is a function `build(context, *, OPTION, ...) -> Method` with
`@register("name")`, in a module that `__init__` imports; the names of its options are those in the
option file.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from smfd_plugin.benchmark.arguments import arguments
from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.data.pictures import Picture


@dataclass(frozen=True)
class Method:
    """A face restorer.

    Attributes:
        restore: from a sample to the restored face, (S, S, 3) uint8 BGR like the sample's lq; it
            looks at `sample.gt` and `sample.mask` never, and raises ValueError for a sample that it
            cannot restore.
        net: its network; None: it has none.
    """

    restore: Callable[[Sample], Picture]
    net: nn.Module | None = None


@dataclass(frozen=True)
class Context:
    """What all methods share.

    Attributes:
        device: where networks run.
        folder: where weights of others lie.
        download: whether missing weights may be fetched.
        seed: for methods that draw random numbers; each face is restored with the same.
    """

    device: torch.device
    folder: Path
    download: bool = False
    seed: int = 0


Builder = Callable[..., Method]
METHODS: dict[str, Builder] = {}


def register(name: str) -> Callable[[Builder], Builder]:
    """Adds a kind of method, the `type` in an option file."""

    def add(builder: Builder) -> Builder:
        METHODS[name] = builder
        return builder

    return add


def build_method(options: Mapping[str, Any], context: Context) -> Method:
    """The method that an entry of `methods` describes.

    Raises:
        ValueError: options or weights that do not fit.
        FileNotFoundError: its weights are not here.
        ModuleNotFoundError: a package that it needs is not installed.
    """
    return METHODS[options["type"]](context, **arguments(options))


def weights_digest(net: nn.Module) -> str:
    """SHA-256 of a network's weights, their names and values, in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, value in net.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
