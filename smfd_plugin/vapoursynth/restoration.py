"""Last stage: the faces drawn anew, as a clip of what has to be added to each frame's RGB."""

from collections.abc import Sequence
from copy import deepcopy
from queue import SimpleQueue
from typing import Protocol

import torch
import vapoursynth as vs
from torch import Tensor, nn

from smfd_plugin.restore import Detection, blend_faces, faces_region, restore_faces
from smfd_plugin.vapoursynth.errors import PREFIX, Stage, catch_errors
from smfd_plugin.vapoursynth.parts import cut_out, moved, paste
from smfd_plugin.vapoursynth.properties import read_amounts, read_faces


class Draw(Protocol):
    """Draws faces anew."""

    def __call__(
        self, image: Tensor, faces: Sequence[Detection], amounts: Sequence[float]
    ) -> Tensor:
        """A changed copy of the (3, h, w) RGB image.

        Args:
            image: in [0, 1], on the CPU.
            faces: in the image's coordinates.
            amounts: how strongly to change each, in [0, 1].
        """


class Restorer:
    """Restores faces on a device, and on the CPU when they do not fit into its memory.

    Args:
        net: on the device.
        half: see `network.run_network`.
        feather: softness of the blend's edge, as a part of the crop's side.
        num_streams: how many calls there can be at a time.
    """

    def __init__(self, net: nn.Module, half: bool, feather: float, num_streams: int) -> None:
        self._net = net
        self._half = half
        self._feather = feather
        self._device = next(net.parameters()).device
        self._on_cpu: nn.Module | None = None
        self._streams: SimpleQueue[torch.cuda.Stream | None] = SimpleQueue()
        for _ in range(num_streams):
            on_gpu = self._device.type == "cuda"
            self._streams.put(torch.cuda.Stream(self._device) if on_gpu else None)

    def __call__(
        self, image: Tensor, faces: Sequence[Detection], amounts: Sequence[float]
    ) -> Tensor:
        """See Draw."""
        stream = self._streams.get()
        try:
            with torch.cuda.stream(stream):
                restored = self._restore(self._net, image.to(self._device), faces, amounts)
                return restored.cpu()
        except (MemoryError, torch.OutOfMemoryError):
            if self._device.type == "cpu":
                raise
        finally:
            self._streams.put(stream)
        if self._on_cpu is None:
            self._on_cpu = deepcopy(self._net).cpu()
            vs.core.log_message(
                vs.MESSAGE_TYPE_WARNING,
                f"{PREFIX}{self._device} lacks memory; what does not fit is done on the CPU",
            )
        return self._restore(self._on_cpu, image, faces, amounts)

    def _restore(
        self, net: nn.Module, image: Tensor, faces: Sequence[Detection], amounts: Sequence[float]
    ) -> Tensor:
        patches = restore_faces(
            net, image, faces, half=self._half, feather=self._feather, strengths=amounts
        )
        return blend_faces(image, patches)


def changes(
    rgb: vs.VideoNode, faces: vs.VideoNode, draw: Draw, num_streams: int, untouched: bool
) -> vs.VideoNode:
    """RGBS frames of what drawing the faces adds to each frame, exactly 0 everywhere else.

    Args:
        rgb: the clip in RGBS.
        faces: from `detection.steady`.
        draw: draws them.
        num_streams: frames that are drawn at the same time.
        untouched: draw faces whose amount is 0, too.
    """
    blank = rgb.std.BlankClip(keep=True)
    stage = _stage(draw, untouched)
    # One ModifyFrame makes one frame at a time.
    streams = [blank.std.ModifyFrame([blank, rgb, faces], stage) for _ in range(num_streams)]
    if num_streams == 1:
        return streams[0]
    return blank.std.FrameEval(lambda n: streams[n % num_streams], clip_src=streams)


def _stage(draw: Draw, untouched: bool) -> Stage:
    @catch_errors
    def stage(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        blank, picture, tracked = f
        found = zip(read_faces(tracked.props), read_amounts(tracked.props), strict=True)
        chosen = [(face.detection, amount) for face, amount in found if amount > 0 or untouched]
        detections = [detection for detection, _ in chosen]
        box = faces_region(detections, (picture.height, picture.width))
        if box is None:
            return blank
        image = cut_out(picture, box)
        inside = [moved(detection, box) for detection in detections]
        frame = blank.copy()
        paste(frame, box, draw(image, inside, [amount for _, amount in chosen]) - image)
        return frame

    return stage
