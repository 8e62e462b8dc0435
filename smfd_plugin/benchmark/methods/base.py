"""What a method is, and what all of them share."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

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
        calls: functions of other folders that it is made of, too: faces that are kept from an
            earlier run count only while their code is the same.
    """

    restore: Callable[[Sample], Picture]
    net: nn.Module | None = None
    calls: tuple[Callable, ...] = ()


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


def weights_digest(net: nn.Module) -> str:
    """SHA-256 of a network's weights, their names and values, in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, value in net.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
