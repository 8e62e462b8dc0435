"""A network as a restorer of faces: size, order of colours, random numbers."""

from collections.abc import Callable

import cv2
import torch
from torch import Tensor, nn

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods.base import Context
from smfd_plugin.benchmark.tensors import from_tensor, to_tensor
from smfd_plugin.data.sources import Picture

Call = Callable[[nn.Module, Tensor], Tensor]
"""From (1, 3, H, W) float RGB in [0, 1] to the same, not clamped."""


def restorer(
    net: nn.Module, call: Call, size: int | None, context: Context
) -> Callable[[Sample], Picture]:
    """`restore` of a Method that runs a network.

    Args:
        net: the network, on the context's device.
        call: how it is called.
        size: the side of the faces that it was trained on, to which a face is enlarged (bilinear,
            as GFPGAN's and CodeFormer's own scripts do) and from which the result is shrunk back;
            None: any.
        context: where it runs, and the seed that is set before each face.
    """
    device = context.device

    @torch.no_grad()
    def restore(sample: Sample) -> Picture:
        height, width = sample.lq.shape[:2]
        face = sample.lq
        if size is not None and (height, width) != (size, size):
            face = cv2.resize(face, (size, size), interpolation=cv2.INTER_LINEAR)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(context.seed)
            result = from_tensor(call(net, to_tensor(face).to(device)))
        if result.shape[:2] != (height, width):
            result = cv2.resize(result, (width, height), interpolation=cv2.INTER_AREA)
        return result

    return restore
