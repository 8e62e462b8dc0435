"""First stages: the faces of each frame, then the faces steady over time, as frame properties.

Both write to clips of tiny frames, which VapourSynth caches, so that each frame is searched once.
"""

from collections.abc import Sequence
from math import ceil, floor

import numpy as np
import torch
import vapoursynth as vs
from torch import Tensor

from smfd_plugin.common import memory
from smfd_plugin.restore import Detection, Detector, Sighting, faces_region, steady_faces
from smfd_plugin.restore.align import Box
from smfd_plugin.restore.bars import content_box
from smfd_plugin.restore.blur import gate, measure_blur
from smfd_plugin.restore.detect import enlarged, search_size
from smfd_plugin.vapoursynth.errors import catch_errors
from smfd_plugin.vapoursynth.parts import Size, cut_luma, moved
from smfd_plugin.vapoursynth.properties import (
    CONTENT,
    CUT,
    ERROR,
    TRANSFER,
    read_faces,
    write_faces,
    write_paths,
)
from smfd_plugin.vapoursynth.streams import Streams
from smfd_plugin.vapoursynth.transfer import to_sdr
from smfd_plugin.vapoursynth.window import cached, shift, window

_SCENE_CHANGE = 0.1
"""Mean difference of two frames (full scale is 1) that makes a new scene: misc.SCDetect's
default."""

_BRIGHT, _DARKEST = 0.4, 0.08
"""Mean brightness (full scale is 1) between which that threshold is proportional to it: darker
scenes differ less, but what differs below _DARKEST is noise."""

_BEFORE = "Before"
"""Begins the properties that describe the frame before."""

_GIVE_BACK = 32
"""Frames between two times that freed memory is given back."""

_CACHED = 100
"""Tiny frames kept; more than VapourSynth works on at a time."""


def find_faces(
    clip: vs.VideoNode, detect: Detector, min_face: int, streams: Streams
) -> vs.VideoNode:
    """Tiny frames with the faces of each frame, and whether it begins a scene, as properties.

    Args:
        clip: as `colour.describe` returns it.
        detect: finds the faces of a frame.
        min_face: shorter side of the smallest face, in pixels.
        streams: how many frames are searched at the same time.
    """
    height, width = search_size(clip.height, clip.width)
    small = clip.resize.Bilinear(width, height, format=vs.RGB24, range=vs.RANGE_FULL)
    thumb = small.std.ShufflePlanes(1, vs.GRAY).resize.Bilinear(64, 36)
    before = shift(thumb, -1).std.PlaneStats(prop=_BEFORE)
    changes = thumb.std.PlaneStats(before).std.CopyFrameProps(before, props=[_BEFORE + "Average"])

    @catch_errors
    def stage(n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        if n % _GIVE_BACK == 0:
            memory.give_back()
        blank, picture, change, source = f
        frame = blank.copy()
        if ERROR in source.props:
            frame.props[ERROR] = source.props[ERROR]
            return frame
        planes = _as_sdr(picture)
        seen = detect(planes)
        scale = np.array([clip.width / picture.width, clip.height / picture.height], np.float32)
        frame.props[CONTENT] = _content(planes, seen, (clip.height, clip.width))
        found = [enlarged(face, scale) for face in seen]
        faces = [face for face in found if min(face.box[2:] - face.box[:2]) >= min_face]
        write_faces(frame.props, [Sighting(face, _blur(source, face)) for face in faces])
        mark = change.props.get("_SceneChangePrev")
        frame.props[CUT] = int(mark if isinstance(mark, int) else _is_cut(change))
        return frame

    blank = _tiny(clip)
    return cached(streams.modify(blank, [blank, small, changes, clip], stage), _CACHED)


def steady(
    found: vs.VideoNode, radius: int, max_faces: int, sharp_gate: float, strength: float
) -> vs.VideoNode:
    """Tiny frames with the faces that are to be restored, and how strongly, as properties.

    Args:
        found: from `find_faces`.
        radius: frames that count before and after each.
        max_faces: how many faces at most, the largest; 0: all. While faces take turns, those that
            fade out are there, too.
        sharp_gate: see `blur.gate`.
        strength: of all restored faces, in [0, 1].
    """
    last = found.num_frames - 1

    @catch_errors
    def stage(n: int, f: vs.VideoFrame | list[vs.VideoFrame]) -> vs.VideoFrame:
        shown = f if isinstance(f, list) else [f]
        props = {n + i - radius: frame.props for i, frame in enumerate(shown)}
        first, end = n, n
        while first > max(0, n - radius) and not props[first].get(CUT):
            first -= 1
        while end < min(last, n + radius) and not props[end + 1].get(CUT):
            end += 1
        scene = [props[i] for i in range(first, end + 1)]
        frame = shown[radius].copy()
        frame.props.clear()
        failed = next((each[ERROR] for each in scene if ERROR in each), None)
        if failed:
            frame.props[ERROR] = failed
            return frame
        faces = steady_faces([read_faces(each) for each in scene], n - first, radius, max_faces)
        amounts = [strength * face.presence * gate(face.blur, sharp_gate) for face in faces]
        write_faces(frame.props, [Sighting(face.detection, face.blur) for face in faces], amounts)
        write_paths(frame.props, [face.path for face in faces], radius)
        return frame

    return cached(found.std.ModifyFrame(window(found, radius), stage), _CACHED)


def _as_sdr(picture: vs.VideoFrame) -> Tensor:
    """(3, H, W) uint8 SDR of an RGB24 frame."""
    planes = torch.from_numpy(np.stack([np.asarray(plane) for plane in picture]))
    transfer = picture.props.get(TRANSFER)
    if transfer is None:
        return planes
    return (255 * to_sdr(planes / 255, transfer)).round().clamp(0, 255).to(torch.uint8)


def _content(planes: Tensor, seen: Sequence[Detection], size: Size) -> Box:
    """What lies between the bars of a picture.

    Args:
        planes: (3, h, w) uint8, the picture, shrunken.
        seen: its faces, in pixels of that.
        size: of the picture.
    """
    left, top, right, bottom = content_box(planes / 255, [face.landmarks for face in seen])
    (height, width), (h, w) = size, planes.shape[-2:]
    rows, columns = _enlarged_span(top, bottom, h, height), _enlarged_span(left, right, w, width)
    return columns[0], rows[0], columns[1], rows[1]


def _enlarged_span(start: int, end: int, length: int, whole: int) -> tuple[int, int]:
    """A span of a shrunken side's pixels on the side itself; without those of a bar's edge, in
    whose place the shrunken side has a pixel of both."""
    scale = whole / length
    return (
        ceil((start + 1) * scale - 1) if start else 0,
        floor((end - 1) * scale + 1) if end < length else whole,
    )


def _is_cut(change: vs.VideoFrame) -> bool:
    """Whether the frame begins a scene, by its difference from the one before it."""
    brightness = (change.props["PlaneStatsAverage"] + change.props[_BEFORE + "Average"]) / 2
    least = _SCENE_CHANGE * min(max(brightness, _DARKEST), _BRIGHT) / _BRIGHT
    return change.props["PlaneStatsDiff"] > least


def _blur(frame: vs.VideoFrame, face: Detection) -> float:
    """0 for landmarks that make no face and for samples that are not finite, since no face is
    restored there."""
    box = faces_region([face], (frame.height, frame.width))
    if box is None:
        return 0.0
    luma = cut_luma(frame, box)
    if not torch.isfinite(luma).all():
        return 0.0
    return measure_blur(luma, moved(face, box[:2]).landmarks)


def _tiny(clip: vs.VideoNode) -> vs.VideoNode:
    return clip.std.BlankClip(width=1, height=1, format=vs.GRAY8, keep=True)
