"""FID (arXiv 1706.08500) of a set of restored faces against the sharp ones, by torchmetrics."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from smfd_plugin.common.download import download_timeout
from smfd_plugin.common.extras import extra
from smfd_plugin.data.pictures import Picture
from smfd_plugin.data.tensors import to_tensor

MIN_FACES = 2


def inception(weights: str | Path | None, device: torch.device) -> Any:
    """torchmetrics' FrechetInceptionDistance.

    Args:
        weights: file of the Inception network (`weights-inception-2015-12-05-6726825d.pth`); None:
            torch-fidelity downloads it once.
        device: where to compute.

    Raises:
        ModuleNotFoundError: the extra `benchmark` is not installed.
        FileNotFoundError: no file `weights`, or it cannot be downloaded.
    """
    with extra("benchmark"):
        from torchmetrics.image.fid import FrechetInceptionDistance
    if weights is not None and not Path(weights).is_file():
        raise FileNotFoundError(
            f"no file {weights} of the Inception network; leave `weights` out to have it downloaded"
        )
    path = None if weights is None else str(weights)
    try:
        with download_timeout():
            network = FrechetInceptionDistance(2048, feature_extractor_weights_path=path)
    except OSError as error:
        raise FileNotFoundError(
            f"the Inception network cannot be downloaded ({error}); name a file as the "
            "metric's `weights`"
        ) from error
    return network.to(device)


def distance(metric: nn.Module, pairs: Iterable[tuple[Picture, Picture]]) -> float | None:
    """FID of restored faces; None with fewer than MIN_FACES.

    Args:
        metric: FrechetInceptionDistance; it is reset first.
        pairs: (restored, sharp), each (S, S, 3) uint8 BGR.
    """
    metric.reset()
    count = 0
    for restored, sharp in pairs:
        for image, is_real in ((restored, False), (sharp, True)):
            rgb = (to_tensor(image) * 255).round().to(torch.uint8)
            metric.update(rgb.to(metric.device), real=is_real)
        count += 1
    return float(metric.compute()) if count >= MIN_FACES else None
