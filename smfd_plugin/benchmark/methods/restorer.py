"""A network as a restorer of faces: size, order of colours, random numbers."""

from collections.abc import Callable

import cv2
import torch
from torch import Tensor, nn

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods.base import Context
from smfd_plugin.data.pictures import Picture
from smfd_plugin.data.tensors import from_tensor, to_tensor

Call = Callable[[nn.Module, Tensor], Tensor]
"""From (1, 3, H, W) float RGB in [0, 1] to the same, not clamped."""


def restorer(
    net: nn.Module, call: Call, size: int | None, context: Context
) -> Callable[[Sample], Picture]:
    """`restore` of a Method that runs a network.

    Args:
        net: the network, on the context's device.
        call: how it is called.
        size: the side of the faces that it was trained on, to which a face is resized and from
            which the result comes back; None: any.
        context: where it runs, and the seed that is set before each face.
    """
    device = context.device

    @torch.no_grad()
    def restore(sample: Sample) -> Picture:
        height, width = sample.lq.shape[:2]
        face = sample.lq
        if size is not None and (height, width) != (size, size):
            face = _resize(face, size, size)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(context.seed)
            result = from_tensor(call(net, to_tensor(face).to(device)))
        if result.shape[:2] != (height, width):
            result = _resize(result, height, width)
        return result

    return restore


def _resize(face: Picture, height: int, width: int) -> Picture:
    """Enlarges bilinearly, as GFPGAN's and CodeFormer's own scripts do; shrinks by areas."""
    how = cv2.INTER_LINEAR if height > face.shape[0] else cv2.INTER_AREA
    return cv2.resize(face, (width, height), interpolation=how)
