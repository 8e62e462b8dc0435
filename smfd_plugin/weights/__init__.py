"""The weights that come with the package, and weights files of all kinds: reading and writing."""

from smfd_plugin.common.torch_files import WeightsError
from smfd_plugin.weights.checkpoint import (
    METHODS,
    Checkpoint,
    load_network,
    read_checkpoint,
    save_weights,
)

__all__ = [
    "METHODS",
    "Checkpoint",
    "WeightsError",
    "load_network",
    "read_checkpoint",
    "save_weights",
]
