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

    Returns:
        `restore`, which raises ValueError if the network gives a picture of another size than the
        one that it was given.
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
        if result.shape[:2] != face.shape[:2]:
            raise ValueError(
                f"its network gave a picture of {_size(result)} for one of {_size(face)}; only "
                "networks that keep a picture's size can be compared"
            )
        return result if face is sample.lq else _resize(result, height, width)

    return restore


def _size(picture: Picture) -> str:
    height, width = picture.shape[:2]
    return f"{width}x{height}"


def _resize(face: Picture, height: int, width: int) -> Picture:
    """Enlarges bilinearly, as GFPGAN's and CodeFormer's own scripts do; shrinks by areas."""
    how = cv2.INTER_LINEAR if height > face.shape[0] else cv2.INTER_AREA
    return cv2.resize(face, (width, height), interpolation=how)
