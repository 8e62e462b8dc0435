"""Checkpoints: reading any of ours (shipped or from training) and writing new ones.

A file is BasicSR's `{'params': ..., 'params_ema': ...}` plus `'network'`: the network's type and
hyper-parameters, so that they need not be repeated. It holds tensors and plain values only and is
read with `torch.load(weights_only=True)`.
"""

import hashlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from smfd_plugin.archs.smfd_unet_arch import SMFDUNet

SHIPPED = Path(__file__).parent
DEFAULT = "smfd-unet"
CHECKSUMS = "SHA256SUMS"
"""List of the shipped files' checksums, as `sha256sum *.pth` writes it."""
NETWORKS: dict[str, type[nn.Module]] = {"SMFDUNet": SMFDUNet}


class WeightsError(ValueError):
    """A weights file that cannot be used; the message names the file and says why."""


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
        weights: a path, the name of shipped weights, or None for the shipped default.

    Raises:
        WeightsError: no such file, or one that is broken, holds code, does not fit our networks or
            has weights that are not finite; or shipped weights with another checksum.
    """
    return _load(weights)[0]


def load_network(weights: str | Path | None = None) -> nn.Module:
    """Builds the network that a weights file describes.

    Args:
        weights: as for `read_checkpoint`.

    Returns:
        The float32 module on the CPU, in eval mode.

    Raises:
        WeightsError: see `read_checkpoint`.
    """
    checkpoint, net = _load(weights)
    net.load_state_dict(checkpoint.state_dict, assign=True)
    return net.eval()


def save_weights(
    path: str | Path,
    state_dict: Mapping[str, Tensor],
    network: Mapping[str, Any],
    half: bool = True,
) -> None:
    """Writes a file that `load_network` reads; whole or not at all.

    Args:
        path: the file to write, replaced if it exists.
        state_dict: the network's weights.
        network: `{'type': 'SMFDUNet', **hyper_parameters}`.
        half: store float16, half the size.

    Raises:
        WeightsError: a network type that is not ours, or weights that are not finite (in float16,
            if `half`).
    """
    path = Path(path)
    _network_class(network, path)
    dtype = torch.float16 if half else torch.float32
    params = {name: value.detach().cpu().to(dtype) for name, value in state_dict.items()}
    broken = [name for name, value in params.items() if not torch.isfinite(value).all()]
    if broken:
        raise WeightsError(f"{path} not written: not finite as {dtype} ({_first(broken)})")
    partial = path.with_name(path.name + ".partial")
    torch.save({"params": params, "network": dict(network)}, partial)
    os.replace(partial, path)


def _load(weights: str | Path | None) -> tuple[Checkpoint, nn.Module]:
    """What `read_checkpoint` returns, and the network that it fits, on the meta device."""
    path = _find(weights)
    checkpoint = _read(path)
    key = "params_ema" if "params_ema" in checkpoint else "params"
    state = checkpoint.get(key)
    if not _is_state_dict(state):
        raise WeightsError(
            f"{path} is no BasicSR checkpoint: it holds no tensors under 'params' or 'params_ema'"
        )
    broken = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if broken:
        raise WeightsError(f"{path}: weights are not finite ({_first(broken)}); get the file again")
    network = checkpoint.get("network", {"type": "SMFDUNet"})
    net = _build(network, path)
    _check_fit(net.state_dict(), state, path)
    return Checkpoint(network, {name: value.float() for name, value in state.items()}), net


def _find(weights: str | Path | None) -> Path:
    path = Path(weights or DEFAULT)
    shipped = SHIPPED / f"{path.name}.pth"
    if path.name == str(path) and shipped.is_file():
        _check_sum(shipped)
        return shipped
    if path.is_file():
        return path
    if path.is_dir():
        raise WeightsError(f"{path} is a folder; name the weights file in it")
    names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.pth"))) or "none"
    raise WeightsError(f"no weights file {path} (shipped weights: {names})")


def _check_sum(shipped: Path) -> None:
    lines = (shipped.parent / CHECKSUMS).read_text().splitlines()
    expected = {name: digest for digest, name in (line.split() for line in lines)}
    if hashlib.sha256(shipped.read_bytes()).hexdigest() != expected.get(shipped.name):
        raise WeightsError(f"{shipped} is not the file that was shipped; install smfd-plugin again")


def _read(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size == 0:
        raise WeightsError(f"{path} is empty; get the file again")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error) or "global" in str(error):
            raise WeightsError(
                f"{path} holds Python code, which is refused: weights files hold tensors only"
            ) from error
        raise WeightsError(f"{path} is no weights file, or a damaged one") from error
    except (RuntimeError, EOFError, KeyError, IndexError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is truncated or no weights file; get it again") from error
    if not isinstance(checkpoint, Mapping):
        raise WeightsError(f"{path} is no BasicSR checkpoint but a {type(checkpoint).__name__}")
    return checkpoint


def _is_state_dict(state: object) -> bool:
    return (
        isinstance(state, Mapping)
        and bool(state)
        and all(isinstance(value, Tensor) for value in state.values())
    )


def _network_class(network: object, path: Path) -> type[nn.Module]:
    kind = network.get("type") if isinstance(network, Mapping) else network
    if not isinstance(kind, str) or kind not in NETWORKS:
        raise WeightsError(f"{path}: unknown network {kind!r}; known: {', '.join(NETWORKS)}")
    return NETWORKS[kind]


def _build(network: object, path: Path) -> nn.Module:
    """On the meta device: a file can ask for any width, but no memory is taken before it fits."""
    cls = _network_class(network, path)
    options = {name: value for name, value in network.items() if name != "type"}
    try:
        with torch.device("meta"):
            return cls(**options)
    except (TypeError, ValueError, IndexError, RuntimeError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path}: hyper-parameters do not make a network: {reason}") from error


def _check_fit(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path) -> None:
    problems = {
        "missing": [name for name in expected if name not in state],
        "unknown": [name for name in state if name not in expected],
        "of another shape": [
            name for name in expected if name in state and expected[name].shape != state[name].shape
        ],
    }
    found = [f"{len(names)} {what} ({_first(names)})" for what, names in problems.items() if names]
    if found:
        raise WeightsError(f"{path} does not fit its network: weights {', '.join(found)}")


def _first(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]}, ..."
