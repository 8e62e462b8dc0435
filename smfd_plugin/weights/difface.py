"""DifFace as one network, built from the names and hyper-parameters of its parts."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from smfd_plugin.archs import DiffusionUNet, SMFDUNet, SRCNNEstimator, SwinIREstimator
from smfd_plugin.diffusion import DifFace, linear_schedule

PARTS: dict[str, dict[str, type[nn.Module]]] = {
    "estimator": {
        "SMFDUNet": SMFDUNet,
        "SRCNNEstimator": SRCNNEstimator,
        "SwinIREstimator": SwinIREstimator,
    },
    "prior": {"DiffusionUNet": DiffusionUNet},
}
"""The networks that each part of a DifFace can be."""


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
    denoiser = _build("prior", prior)
    with torch.device("cpu"):  # the schedule has values also where weights have none yet
        schedule = linear_schedule().respaced(steps)
    estimate = _build("estimator", estimator)
    return DifFace(estimate, denoiser, schedule, start, denoiser.image_size, eta)


def _build(part: str, network: Mapping[str, Any]) -> nn.Module:
    known = PARTS[part]
    kind = network.get("type") if isinstance(network, Mapping) else network
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"{part} is {kind!r}; it can be {', '.join(known)}")
    return known[kind](**{name: value for name, value in network.items() if name != "type"})
