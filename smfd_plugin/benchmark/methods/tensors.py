"""From a face to a network's input and back."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.data.sources import Picture

Call = Callable[[nn.Module, Tensor], Tensor]
"""From (1, 3, H, W) float RGB in [0, 1] to the same, not clamped."""


def restorer(
    net: nn.Module, call: Call, size: int | None, device: torch.device, seed: int
) -> Callable[[Sample], Picture]:
    """`restore` of a Method that runs a network.

    Args:
        net: the network, on `device`.
        call: how it is called.
        size: the side of the faces that it was trained on, to which a face is enlarged (bilinear,
            as GFPGAN's and CodeFormer's own scripts do) and from which the result is shrunk back;
            None: any.
        device: where it runs.
        seed: set before each face.
    """

    @torch.no_grad()
    def restore(sample: Sample) -> Picture:
        height, width = sample.lq.shape[:2]
        face = sample.lq
        if size is not None and (height, width) != (size, size):
            face = cv2.resize(face, (size, size), interpolation=cv2.INTER_LINEAR)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            result = to_picture(call(net, to_tensor(face).to(device)))
        if result.shape[:2] != (height, width):
            result = cv2.resize(result, (width, height), interpolation=cv2.INTER_AREA)
        return result

    return restore


def to_tensor(face: Picture) -> Tensor:
    """(H, W, 3) uint8 BGR to (1, 3, H, W) float32 RGB in [0, 1]."""
    rgb = torch.from_numpy(np.ascontiguousarray(face[..., ::-1]))
    return rgb.permute(2, 0, 1)[None].float() / 255


def to_picture(image: Tensor) -> Picture:
    """(1, 3, H, W) float RGB to (H, W, 3) uint8 BGR.

    Raises:
        ValueError: values that are not finite.
    """
    if not torch.isfinite(image).all():
        raise ValueError("the network's output is not finite")
    values = (image[0].float().clamp(0, 1) * 255).round().permute(1, 2, 0)
    return np.ascontiguousarray(values.cpu().numpy().astype(np.uint8)[..., ::-1])
