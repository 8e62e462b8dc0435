"""Checkpoints: reading any of ours (shipped or from training) and writing new ones.

A file is BasicSR's `{'params': ..., 'params_ema': ...}` plus `'network'`: the network's type and
hyper-parameters, so that they need not be repeated. It holds tensors and plain values only and is
read with `torch.load(weights_only=True)`.

A DifFace is such a file, too, or a YAML file that names one for each of its parts, see difface.py.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from smfd_plugin.archs.smfd_unet_arch import SMFDUNet
from smfd_plugin.common.torch_files import WeightsError, is_state_dict, read, write
from smfd_plugin.weights.difface import build, build_difface, read_parts
from smfd_plugin.weights.files import find

NETWORKS: dict[str, Callable[..., nn.Module]] = {"SMFDUNet": SMFDUNet, "DifFace": build_difface}
METHODS = {"smfd": "SMFDUNet", "difface": "DifFace"}
"""The network of each method of restoring faces."""

UNBUILDABLE = (
    TypeError,
    ValueError,
    LookupError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
)
"""What networks raise for hyper-parameters that do not fit."""


class Checkpoint(NamedTuple):
    """What a weights file holds, checked: it fits.

    Attributes:
        network: `{'type': 'SMFDUNet', **hyper_parameters}`.
        state_dict: float32 weights, the averaged ones (`params_ema`) if there are any.
    """

    network: Mapping[str, Any]
    state_dict: Mapping[str, Tensor]


def read_checkpoint(weights: str | Path | None = None) -> Checkpoint:
    """Reads and checks a weights file.

    A file without hyper-parameters (BasicSR's own) is tried with SMFDUNet's defaults.

    Args:
        weights: a path, the name of shipped weights, whole (`smfd-unet-tiny`) or without the
            default's (`tiny`), or None for the shipped default.

    Raises:
        WeightsError: no such file, or one that is broken, holds code, does not fit our networks or
            has weights that are not finite; or shipped weights with another checksum.
    """
    return _load(weights)[0]


def load_network(weights: str | Path | None = None, method: str = "smfd") -> nn.Module:
    """Builds the network that a weights file describes.

    Args:
        weights: as for `read_checkpoint`.
        method: whose network it must be, one of METHODS.

    Returns:
        The float32 module on the CPU, in eval mode.

    Raises:
        WeightsError: see `read_checkpoint`; or weights of another method.
    """
    checkpoint, net = _load(weights)
    kind = checkpoint.network["type"]
    if kind != METHODS[method]:
        fitting = next(name for name, network in METHODS.items() if network == kind)
        raise WeightsError(f"{weights} is of the method {fitting}, not {method}")
    net.load_state_dict(checkpoint.state_dict, assign=True)
    return net.eval()


def save_weights(
    path: str | Path, state_dict: Mapping[str, Tensor], network: Mapping[str, Any]
) -> None:
    """Writes a file of float16 weights that `load_network` reads; whole or not at all.

    Args:
        path: the file to write, replaced if it exists; its folder is made if it is not there.
        state_dict: the network's weights.
        network: `{'type': 'SMFDUNet', **hyper_parameters}`.

    Raises:
        WeightsError: a network that cannot be built, weights of another one, or weights that are
            not finite in float16.
        OSError: the place cannot be written to.
    """
    path = Path(path)
    _check_fit(_build(network, path).state_dict(), state_dict, path)
    half = torch.float16
    params = {name: _cast(value.detach().cpu(), half) for name, value in state_dict.items()}
    broken = [name for name, value in params.items() if not torch.isfinite(value).all()]
    if broken:
        raise WeightsError(f"{path} not written: not finite as {half} ({_first(broken)})")
    write(path, {"params": params, "network": dict(network)})


def _load(weights: str | Path | None) -> tuple[Checkpoint, nn.Module]:
    """What `read_checkpoint` returns, and the network that it fits, on the meta device."""
    path = find(weights)
    checkpoint = read_parts(path) if path.suffix in (".yml", ".yaml") else read(path)
    state = checkpoint.get("params_ema", checkpoint.get("params"))
    if not is_state_dict(state):
        raise WeightsError(
            f"{path} is no BasicSR checkpoint: it holds no tensors under 'params' or 'params_ema'"
        )
    broken = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if broken:
        raise WeightsError(f"{path}: weights are not finite ({_first(broken)}); get the file again")
    network = checkpoint.get("network", {"type": "SMFDUNet"})
    net = _build(network, path)
    _check_fit(net.state_dict(), state, path)
    state = {name: _cast(value, torch.float32) for name, value in state.items()}
    return Checkpoint(network, state), net


def _cast(value: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights in that type; tables of indices stay whole numbers."""
    return value.to(dtype) if value.is_floating_point() else value


def _build(network: object, path: Path) -> nn.Module:
    """On the meta device: a file can ask for any width, but no memory is taken before it fits."""
    try:
        with torch.device("meta"):
            return build(network, NETWORKS, "network")
    except UNBUILDABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]  # some say nothing
        raise WeightsError(f"{path} describes no network that can be built: {reason}") from error


def _check_fit(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path) -> None:
    shared = [name for name in expected if name in state]
    problems = {
        "missing": [name for name in expected if name not in state],
        "unknown": [name for name in state if name not in expected],
        "of another shape": [name for name in shared if expected[name].shape != state[name].shape],
        "of another type": [
            name
            for name in shared
            if expected[name].is_floating_point() != state[name].is_floating_point()
        ],
    }
    found = [f"{len(names)} {what} ({_first(names)})" for what, names in problems.items() if names]
    if found:
        raise WeightsError(f"{path} does not fit its network: weights {', '.join(found)}")


def _first(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]}, ..."
