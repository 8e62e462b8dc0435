"""The network at work on parts of frames: on its device, or on the CPU where that lacks memory."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from queue import SimpleQueue
from threading import Lock
from typing import Any

import torch
import vapoursynth as vs
from torch import Tensor, nn

from smfd_plugin.restore import Detection, blend_faces, deblur_faces, place_faces
from smfd_plugin.restore.align import Box
from smfd_plugin.restore.fusion import View, fuse, view
from smfd_plugin.vapoursynth.errors import PREFIX


class Restorer:
    """Restores faces on a device, and on the CPU when they do not fit into its memory.

    Args:
        net: on the device.
        half: see `network.run_network`.
        feather: softness of the blend's edge, as a part of the crop's side.
        calls: how many there can be at a time.
    """

    def __init__(self, net: nn.Module, half: bool, feather: float, calls: int) -> None:
        self._net = net
        self._half = half
        self._feather = feather
        self._device = next(net.parameters()).device
        self._on_cpu: nn.Module | None = None
        self._copying = Lock()
        self._cuda_streams: SimpleQueue[torch.cuda.Stream | None] = SimpleQueue()
        for _ in range(calls):
            on_gpu = self._device.type == "cuda"
            self._cuda_streams.put(torch.cuda.Stream(self._device) if on_gpu else None)

    def deblur(
        self, image: Tensor, detections: Sequence[Detection], content: Box
    ) -> list[View | None]:
        """The faces of a (3, h, w) image on the CPU, restored; None for what is no face.

        `content`: the part of the image that is no bar, see `restore.bars`.
        """
        return self._attempt(
            lambda net, device: self._deblur(net, image.to(device), detections, content)
        )

    def blend(
        self,
        image: Tensor,
        faces: Sequence[tuple[View, Sequence[tuple[View, float]]]],
        amounts: Sequence[float],
        content: Box,
    ) -> Tensor:
        """A copy of the image with faces blended in.

        Args:
            image: (3, h, w) on the CPU.
            faces: each as it is in the image and in other frames, see `fusion.fuse`.
            amounts: how strongly to change each, in [0, 1].
            content: as for `deblur`; nothing changes outside of it.
        """
        return self._attempt(
            lambda _, device: self._blend(image.to(device), faces, amounts, content)
        )

    def _attempt[T](self, work: Callable[[nn.Module, torch.device], T]) -> T:
        stream = self._cuda_streams.get()
        try:
            with torch.cuda.stream(stream):
                return work(self._net, self._device)
        except (MemoryError, torch.OutOfMemoryError):
            if self._device.type == "cpu":
                raise
        finally:
            self._cuda_streams.put(stream)
        return work(self._net_on_cpu(), torch.device("cpu"))

    def _net_on_cpu(self) -> nn.Module:
        """The network's one copy on the CPU, made with a warning when it is first needed."""
        with self._copying:
            if self._on_cpu is None:
                self._on_cpu = copy_to_cpu(self._net)
                vs.core.log_message(
                    vs.MESSAGE_TYPE_WARNING,
                    f"{PREFIX}{self._device} lacks memory; what does not fit is done on the CPU",
                )
            return self._on_cpu

    def _deblur(
        self, net: nn.Module, image: Tensor, detections: Sequence[Detection], content: Box
    ) -> list[View | None]:
        faces = deblur_faces(net, image, detections, content, half=self._half)
        return [face and view(face) for face in faces]

    def _blend(
        self,
        image: Tensor,
        faces: Sequence[tuple[View, Sequence[tuple[View, float]]]],
        amounts: Sequence[float],
        content: Box,
    ) -> Tensor:
        here = []
        for own, others in faces:
            own = own.to(image.device)
            others = [(other.to(image.device), weight) for other, weight in others]
            here.append(replace(own.face, restored=fuse(own, others)))
        patches = place_faces(image, here, content, self._feather)
        return blend_faces(image, patches, amounts).cpu()


def copy_to_cpu(net: nn.Module) -> nn.Module:
    """A copy of the network on the CPU, made without memory of the network's own device."""
    memo: dict[int, Any] = {
        id(weights): nn.Parameter(_on_cpu(weights), weights.requires_grad)
        for weights in net.parameters()
    }
    memo |= {id(buffer): _on_cpu(buffer) for buffer in net.buffers()}
    return deepcopy(net, memo)


def _on_cpu(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)
