"""What the filter sees, drawn into the picture: boxes and landmarks, or the network's masks."""

from collections.abc import Callable, Sequence
from colorsys import hsv_to_rgb

import torch
import vapoursynth as vs
from torch import Tensor, nn

from smfd_plugin.restore import Detection, align, restore_faces
from smfd_plugin.restore.align import Box
from smfd_plugin.restore.blend import BACKGROUND
from smfd_plugin.restore.method import MasksAlone
from smfd_plugin.vapoursynth.errors import catch_errors
from smfd_plugin.vapoursynth.parts import (
    Size,
    change_frame,
    cut_out,
    moved,
    surroundings,
    within,
)
from smfd_plugin.vapoursynth.properties import CONTENT, TRANSFER, read_amounts, read_faces
from smfd_plugin.vapoursynth.streams import Streams

PREVIEWS = ("boxes", "masks", "side")

_RESTORED, _LEFT_ALONE = (0.1, 0.9, 0.2), (0.6, 0.6, 0.6)
_MASK_OPACITY = 0.6


Draw = Callable[[Tensor, Sequence[Detection], Sequence[float], Box], Tensor]
"""From a (3, h, w) RGB image in [0, 1] on the CPU, faces in its coordinates, how strongly to change
each, in [0, 1], and the part of it that is no bar, see `restore.bars`, to a changed copy."""


def drawings(
    rgb: vs.VideoNode,
    size: Size,
    found: vs.VideoNode,
    faces: vs.VideoNode,
    draw: Draw,
    streams: Streams,
) -> vs.VideoNode:
    """RGBS frames of what drawing the faces adds to a part of each frame, for `colour.add_change`.

    Args:
        rgb: from `regions.face_regions`.
        size: of the whole pictures.
        found: from `detection.find_faces`.
        faces: from `detection.steady`.
        draw: draws them, also those that are left alone.
        streams: how many frames are drawn at the same time.
    """
    blank = faces.std.BlankClip(format=vs.RGBS, varsize=True, keep=True)

    @catch_errors
    def stage(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        blank, picture, seen, tracked = f
        detections = [face.detection for face in read_faces(tracked.props)]
        box = surroundings(detections, size)
        if box is None:
            return blank
        image = cut_out(picture, box)
        inside = [moved(detection, box[:2]) for detection in detections]
        content = within(seen.props[CONTENT], box)
        drawn = draw(image, inside, read_amounts(tracked.props), content)
        return change_frame(image, drawn, box, picture.props.get(TRANSFER))

    return streams.modify(blank, [blank, rgb, found, faces], stage)


def draw_boxes(
    image: Tensor, faces: Sequence[Detection], amounts: Sequence[float], content: Box
) -> Tensor:
    """Outlines boxes and dots landmarks: green where the face is restored, grey where it is left
    alone. A Draw."""
    picture = image.clone()
    for face, amount in zip(faces, amounts, strict=True):
        colour = torch.tensor(_RESTORED if amount > 0 else _LEFT_ALONE)[:, None, None]
        left, top, right, bottom = (round(float(edge)) for edge in face.box)
        line = max(1, (right - left) // 60)
        for x, y, width, height in (
            (left, top, right - left, line),
            (left, bottom - line, right - left, line),
            (left, top, line, bottom - top),
            (right - line, top, line, bottom - top),
            *((round(float(x)) - line, round(float(y)) - line, 2 * line, 2 * line)
              for x, y in face.landmarks),
        ):  # fmt: skip
            picture[:, max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = colour
    return picture


def mask_painter(method: nn.Module) -> Draw:
    """Paints the parts of each face in colours of their own, whatever its amount.

    Args:
        method: from `method.load_method`.
    """
    net = MasksAlone(method)
    device = next(net.parameters()).device

    def paint(
        image: Tensor, faces: Sequence[Detection], amounts: Sequence[float], content: Box
    ) -> Tensor:
        picture = image.to(device, copy=True)
        for patch in restore_faces(net, picture, faces, content):
            left, top, right, bottom = patch.box
            view = picture[:, top:bottom, left:right]
            to_crop = align.shifted(patch.to_crop, (left, top))
            parts = align.warp(patch.logits.softmax(0)[None], [to_crop], view.shape[1:], "zeros")[0]
            parts = parts.clamp(0, 1)
            parts[BACKGROUND] = 0
            colours = _palette(len(parts)).to(device)
            opacity = _MASK_OPACITY * parts
            view += torch.einsum("khw,kc->chw", opacity, colours) - opacity.sum(0) * view
        return picture.cpu()

    return paint


def _palette(count: int) -> Tensor:
    """(count, 3) RGB, hues as far apart as can be; the background's is not used."""
    return torch.tensor([hsv_to_rgb(i / count, 1, 1) for i in range(count)])
