"""DifFace as one network, built from the names and hyper-parameters of its parts.

Its weights are one file, or a YAML file that names a file for each part:

    type: DifFace
    estimator: {type: SwinIREstimator, weights: FILE}
    prior: {type: DiffusionUNet, weights: FILE}
    steps: 250
    start: 100
    eta: 0.5
    source: where to get the files (optional)

Files are looked for beside the YAML file, then from here; the name of shipped weights will do. The
type and hyper-parameters of a part whose file holds them need not be given.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from smfd_plugin.archs import DiffusionUNet, SMFDUNet, SRCNNEstimator, SwinIREstimator
from smfd_plugin.common.torch_files import WeightsError, pick_state, read
from smfd_plugin.diffusion import DifFace, linear_schedule
from smfd_plugin.weights.files import find

PARTS: dict[str, dict[str, type[nn.Module]]] = {
    "estimator": {
        "SMFDUNet": SMFDUNet,
        "SRCNNEstimator": SRCNNEstimator,
        "SwinIREstimator": SwinIREstimator,
    },
    "prior": {"DiffusionUNet": DiffusionUNet},
}
"""The networks that each part of a DifFace can be."""


def build(network: object, known: Mapping[str, Callable[..., nn.Module]], what: str) -> nn.Module:
    """The untrained network of a type and its hyper-parameters.

    Args:
        network: `{'type': ..., **hyper_parameters}`; anything else is refused.
        known: the types that there can be.
        what: is built, for the message.

    Raises:
        ValueError: an unknown type, or hyper-parameters that do not fit.
        TypeError: a hyper-parameter that the network does not have.
    """
    if not isinstance(network, Mapping):
        raise ValueError(f"{what} is {network!r}, not a type and its hyper-parameters")
    kind = network.get("type")
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"{what} is {kind!r}; it can be {', '.join(known)}")
    return known[kind](**{name: value for name, value in network.items() if name != "type"})


def build_difface(
    estimator: Mapping[str, Any],
    prior: Mapping[str, Any],
    steps: int = 250,
    start: int = 100,
    eta: float | None = 0.5,
) -> DifFace:
    """An untrained DifFace; its defaults are those of the authors' own runs.

    Args:
        estimator, prior: type and hyper-parameters of each, see PARTS.
        steps: how many of the 1,000 steps of the prior's training are kept.
        start: N, counted in those.
        eta: DDIM's, in [0, 1]; None: ancestral steps.

    Raises:
        ValueError: an unknown network, or hyper-parameters that do not fit.
        TypeError: a hyper-parameter that a network does not have.
    """
    denoiser = build(prior, PARTS["prior"], "prior")
    with torch.device("cpu"):  # the schedule has values also where weights have none yet
        schedule = linear_schedule().respaced(steps)
    estimate = build(estimator, PARTS["estimator"], "estimator")
    return DifFace(estimate, denoiser, schedule, start, denoiser.image_size, eta)


def read_parts(path: Path) -> Mapping[str, Any]:
    """The checkpoint of a DifFace whose parts lie in files of their own.

    Args:
        path: of the YAML file.

    Raises:
        WeightsError: no such YAML, or a file that it names and that cannot be used.
    """
    try:
        options = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path} is no YAML file that names weights") from error
    if not isinstance(options, Mapping):
        raise WeightsError(f"{path} must name the parts of a DifFace: {', '.join(PARTS)}")
    network = {name: value for name, value in options.items() if name != "source"}
    params = {}
    for part in PARTS:
        given = network.get(part)
        if not isinstance(given, Mapping) or not isinstance(given.get("weights"), str):
            raise WeightsError(f"{path}: {part} needs `weights`, the file of its weights")
        file = _find_part(path, given["weights"], options.get("source"))
        checkpoint = read(file)
        # The last key is of the authors' training.
        state = pick_state(checkpoint, ("params_ema", "params", "state_dict"), file)
        params |= {f"{part}.{name}": value for name, value in state.items()}
        described = {name: value for name, value in given.items() if name != "weights"}
        kept = checkpoint.get("network")
        network[part] = {**(kept if isinstance(kept, Mapping) else {}), **described}
    return {"params": params, "network": network}


def _find_part(path: Path, weights: str, source: str | None) -> Path:
    beside = path.parent / weights
    if beside.is_file():
        return beside
    try:
        return find(weights)
    except WeightsError as error:
        remedy = f"; get it from {source}" if source else ""
        raise WeightsError(f"{path}: {error}{remedy}") from error
