"""Last stage: the faces drawn anew, as a clip of what has to be added to each frame's RGB."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Protocol

import torch
import vapoursynth as vs
from torch import Tensor, nn

from smfd_plugin.restore import Detection, blend_faces, faces_region, restore_faces
from smfd_plugin.restore.faces import Neighbour
from smfd_plugin.vapoursynth.errors import PREFIX, Stage, catch_errors
from smfd_plugin.vapoursynth.parts import cut_out, moved, paste
from smfd_plugin.vapoursynth.properties import Path, read_amounts, read_faces, read_paths
from smfd_plugin.vapoursynth.window import cached, window


@dataclass(frozen=True)
class Subject:
    """A face to draw.

    Attributes:
        detection: in the image's coordinates.
        amount: how strongly to change it, in [0, 1].
        neighbours: parts of other frames that show it, and where it is in them.
    """

    detection: Detection
    amount: float
    neighbours: Sequence[Neighbour] = ()


class Draw(Protocol):
    """Draws faces anew."""

    def __call__(self, image: Tensor, subjects: Sequence[Subject]) -> Tensor:
        """A changed copy of the (3, h, w) RGB image in [0, 1], on the CPU."""


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

    def __call__(self, image: Tensor, subjects: Sequence[Subject]) -> Tensor:
        """See Draw."""
        stream = self._streams.get()
        try:
            with torch.cuda.stream(stream):
                restored = self._restore(self._net, self._device, image, subjects)
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
        return self._restore(self._on_cpu, torch.device("cpu"), image, subjects)

    def _restore(
        self, net: nn.Module, device: torch.device, image: Tensor, subjects: Sequence[Subject]
    ) -> Tensor:
        there = image.to(device)
        patches = restore_faces(
            net,
            there,
            [subject.detection for subject in subjects],
            half=self._half,
            feather=self._feather,
            strengths=[subject.amount for subject in subjects],
            neighbours=[
                [(frame.to(device), landmarks) for frame, landmarks in subject.neighbours]
                for subject in subjects
            ],
        )
        return blend_faces(there, patches)


def changes(
    rgb: vs.VideoNode,
    faces: vs.VideoNode,
    radius: int,
    draw: Draw,
    num_streams: int,
    untouched: bool,
) -> vs.VideoNode:
    """RGBS frames of what drawing the faces adds to each frame, exactly 0 everywhere else.

    Args:
        rgb: the clip in RGBS.
        faces: from `detection.steady`.
        radius: frames before and after each that it draws on.
        draw: draws the faces.
        num_streams: frames that are drawn at the same time.
        untouched: draw faces whose amount is 0, too.
    """
    blank = rgb.std.BlankClip(keep=True)
    stage = _stage(radius, draw, untouched)
    rgb = cached(rgb, 2 * radius + 2 * num_streams + 1)
    sources = [blank, faces, *window(rgb, radius)]
    # One ModifyFrame makes one frame at a time.
    streams = [blank.std.ModifyFrame(sources, stage) for _ in range(num_streams)]
    if num_streams == 1:
        return streams[0]
    return blank.std.FrameEval(lambda n: streams[n % num_streams], clip_src=streams)


def _stage(radius: int, draw: Draw, untouched: bool) -> Stage:
    @catch_errors
    def stage(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        blank, tracked, *pictures = f
        rows = zip(
            read_faces(tracked.props),
            read_amounts(tracked.props),
            read_paths(tracked.props, radius),
            strict=True,
        )
        chosen = [row for row in rows if row[1] > 0 or untouched]
        box = faces_region([face.detection for face, _, _ in chosen], (blank.height, blank.width))
        if box is None:
            return blank
        image = cut_out(pictures[radius], box)
        subjects = [
            Subject(
                moved(face.detection, box),
                amount,
                _neighbours(face.detection, path, pictures, radius),
            )
            for face, amount, path in chosen
        ]
        frame = blank.copy()
        paste(frame, box, draw(image, subjects) - image)
        return frame

    return stage


def _neighbours(
    face: Detection, path: Path, pictures: Sequence[vs.VideoFrame], radius: int
) -> list[Neighbour]:
    """The face's surroundings in other frames."""
    neighbours = []
    for k, landmarks in path.items():
        there = replace(face, landmarks=landmarks)
        picture = pictures[radius + k]
        box = faces_region([there], (picture.height, picture.width))
        if box is not None:
            neighbours.append((cut_out(picture, box), moved(there, box).landmarks))
    return neighbours
