"""Last stage: the faces drawn anew, as a clip of what has to be added to each frame's RGB.

Its frames are as large as the part of the picture that changes, which their property BOX names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from queue import SimpleQueue
from typing import Any, Protocol

import torch
import vapoursynth as vs
from torch import Tensor, nn

from smfd_plugin.restore import (
    Detection,
    Sighting,
    blend_faces,
    deblur_faces,
    faces_region,
    place_faces,
)
from smfd_plugin.restore.align import cut_off
from smfd_plugin.restore.blur import gate
from smfd_plugin.restore.fusion import View, fuse, view
from smfd_plugin.restore.tracking import area
from smfd_plugin.vapoursynth.errors import PREFIX, Stage, catch_errors
from smfd_plugin.vapoursynth.parts import Size, change_frame, cut_out, moved, surroundings
from smfd_plugin.vapoursynth.properties import read_amounts, read_faces, read_paths
from smfd_plugin.vapoursynth.recent import Recent
from smfd_plugin.vapoursynth.streams import Streams
from smfd_plugin.vapoursynth.window import cached, window


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
        calls: how many there can be at a time.
    """

    def __init__(self, net: nn.Module, half: bool, feather: float, calls: int) -> None:
        self._net = net
        self._half = half
        self._feather = feather
        self._device = next(net.parameters()).device
        self._on_cpu: nn.Module | None = None
        self._streams: SimpleQueue[torch.cuda.Stream | None] = SimpleQueue()
        for _ in range(calls):
            on_gpu = self._device.type == "cuda"
            self._streams.put(torch.cuda.Stream(self._device) if on_gpu else None)

    def deblur(self, image: Tensor, detections: Sequence[Detection]) -> list[View | None]:
        """The faces of a (3, h, w) image on the CPU, restored; None for what is no face."""
        return self._attempt(lambda net, device: self._deblur(net, image.to(device), detections))

    def blend(
        self,
        image: Tensor,
        faces: Sequence[tuple[View, Sequence[tuple[View, float]]]],
        amounts: Sequence[float],
    ) -> Tensor:
        """A copy of the image with faces blended in.

        Args:
            image: (3, h, w) on the CPU.
            faces: each as it is in the image and in other frames, see `fusion.fuse`.
            amounts: how strongly to change each, in [0, 1].
        """
        return self._attempt(lambda _, device: self._blend(image.to(device), faces, amounts))

    def _attempt[T](self, work: Callable[[nn.Module, torch.device], T]) -> T:
        stream = self._streams.get()
        try:
            with torch.cuda.stream(stream):
                return work(self._net, self._device)
        except (MemoryError, torch.OutOfMemoryError):
            if self._device.type == "cpu":
                raise
        finally:
            self._streams.put(stream)
        if self._on_cpu is None:
            self._on_cpu = copy_to_cpu(self._net)
            vs.core.log_message(
                vs.MESSAGE_TYPE_WARNING,
                f"{PREFIX}{self._device} lacks memory; what does not fit is done on the CPU",
            )
        return work(self._on_cpu, torch.device("cpu"))

    def _deblur(
        self, net: nn.Module, image: Tensor, detections: Sequence[Detection]
    ) -> list[View | None]:
        faces = deblur_faces(net, image, detections, half=self._half)
        return [face and view(face) for face in faces]

    def _blend(
        self,
        image: Tensor,
        faces: Sequence[tuple[View, Sequence[tuple[View, float]]]],
        amounts: Sequence[float],
    ) -> Tensor:
        here = []
        for own, others in faces:
            own = own.to(image.device)
            others = [(other.to(image.device), weight) for other, weight in others]
            here.append(replace(own.face, restored=fuse(own, others)))
        return blend_faces(image, place_faces(image, here, self._feather), amounts).cpu()


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


def drawings(
    rgb: vs.VideoNode, size: Size, faces: vs.VideoNode, draw: Draw, streams: Streams
) -> vs.VideoNode:
    """RGBS frames of what drawing the faces adds to a part of each frame, for `colour.add_change`.

    Args:
        rgb: from `regions.face_regions`.
        size: of the whole pictures.
        faces: from `detection.steady`.
        draw: draws them, also those that are left alone.
        streams: how many frames are drawn at the same time.
    """
    blank = faces.std.BlankClip(format=vs.RGBS, varsize=True, keep=True)

    @catch_errors
    def stage(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        blank, picture, tracked = f
        detections = [face.detection for face in read_faces(tracked.props)]
        box = surroundings(detections, size)
        if box is None:
            return blank
        image = cut_out(picture, box)
        inside = [moved(detection, box[:2]) for detection in detections]
        return change_frame(image, draw(image, inside, read_amounts(tracked.props)), box)

    return streams.modify(blank, [blank, rgb, faces], stage)


def restorations(
    rgb: vs.VideoNode,
    size: Size,
    found: vs.VideoNode,
    faces: vs.VideoNode,
    radius: int,
    restorer: Restorer,
    sharp_gate: float,
    max_faces: int,
    streams: Streams,
) -> vs.VideoNode:
    """RGBS frames of what restoring the faces adds to a part of each frame, for
    `colour.add_change`.

    Args:
        rgb: from `regions.face_regions`.
        size: of the whole pictures.
        found: from `detection.find_faces`.
        faces: from `detection.steady`.
        radius: frames before and after each whose results are averaged into its own.
        restorer: does it.
        sharp_gate, max_faces: see `detection.steady`.
        streams: how many frames are restored at the same time.
    """
    blank = faces.std.BlankClip(format=vs.RGBS, varsize=True, keep=True)
    in_use = 2 * (radius + streams.count)
    stage = _restore(size, radius, restorer, sharp_gate, max_faces, Recent(in_use))
    sources = [blank, faces, *window(cached(rgb, in_use), radius), *window(found, radius)]
    return streams.modify(blank, sources, stage)


def _restore(
    size: Size,
    radius: int,
    restorer: Restorer,
    sharp_gate: float,
    max_faces: int,
    recent: Recent[dict[int, View | None]],
) -> Stage:
    def results(picture: vs.VideoFrame, found: Sequence[Sighting]) -> dict[int, View | None]:
        """What the network makes of a frame, by the number of the face. It goes by this frame
        alone, so that it is the same whichever frame asks for it."""
        blurry = [i for i, face in enumerate(found) if gate(face.blur, sharp_gate) > 0]
        largest = sorted(blurry, key=lambda i: -area(found[i].detection.box))[: max_faces or None]
        views = _deblur(restorer, picture, size, [found[i].detection for i in largest])
        return dict(zip(largest, views, strict=True))

    @catch_errors
    def stage(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        blank, tracked, *rest = f
        pictures, found = rest[: 2 * radius + 1], rest[2 * radius + 1 :]

        def seen(distance: int, number: int) -> View | None:
            picture, props = pictures[radius + distance], found[radius + distance].props
            return recent.get(n + distance, lambda: results(picture, read_faces(props))).get(number)

        shown, amounts = [], []
        for face, amount, path in _rows(tracked.props, radius):
            if not amount:
                continue
            # The latest first, which no other frame is at work on yet.
            views = {k: seen(k, path[k]) for k in sorted(path, reverse=True)}
            own = views.pop(0, None)
            if own is None:  # missed by the detector, or sharp in this frame only
                (own,) = _deblur(restorer, pictures[radius], size, [face])
            if own is not None:
                near = {k: 1 - abs(k) / (radius + 1) for k in views}
                shown.append((own, [(views[k], near[k]) for k in views if views[k]]))
                amounts.append(amount)
        box = surroundings([own.face.detection for own, _ in shown], size)
        if box is None:
            return blank
        image = cut_out(pictures[radius], box)
        inside = [(_moved(own, box[:2]), others) for own, others in shown]
        return change_frame(image, restorer.blend(image, inside, amounts), box)

    return stage


def _rows(
    props: Mapping[str, Any], radius: int
) -> Iterator[tuple[Detection, float, dict[int, int]]]:
    rows = zip(read_faces(props), read_amounts(props), read_paths(props, radius), strict=True)
    return ((face.detection, amount, path) for face, amount, path in rows)


def _deblur(
    restorer: Restorer, picture: vs.VideoFrame, size: Size, faces: Sequence[Detection]
) -> list[View | None]:
    """The restored faces in the picture's coordinates; None for what is no face."""
    box = faces_region(faces, size)
    if box is None:
        return [None] * len(faces)
    left, top, *_ = box
    views = restorer.deblur(cut_out(picture, box), [moved(face, box[:2]) for face in faces])
    return [shown and _moved(shown, (-left, -top)) for shown in views]


def _moved(shown: View, corner: tuple[int, int]) -> View:
    """The face in the coordinates of a part of the picture that begins at the corner."""
    face = shown.face
    there = replace(
        face, detection=moved(face.detection, corner), to_crop=cut_off(face.to_crop, corner)
    )
    return replace(shown, face=there)
