"""From a picture to a network's input and back."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smfd_plugin.data.pictures import Picture


def to_tensor(picture: NDArray) -> Tensor:
    """(H, W, 3) BGR in [0, 255] to (1, 3, H, W) float32 RGB in [0, 1]."""
    rgb = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1]))
    return rgb.permute(2, 0, 1)[None].float() / 255


def from_tensor(image: Tensor) -> Picture:
    """(1, 3, H, W) float RGB to (H, W, 3) uint8 BGR.

    Raises:
        ValueError: values that are not finite.
    """
    if not torch.isfinite(image).all():
        raise ValueError("the network's output is not finite; try other weights")
    values = (image[0].float().clamp(0, 1) * 255).round().permute(1, 2, 0)
    return np.ascontiguousarray(values.cpu().numpy().astype(np.uint8)[..., ::-1])
