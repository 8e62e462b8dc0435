"""Last stage: the faces restored, as a clip of what has to be added to each frame's RGB.

Its frames are as large as the part of the picture that changes, which their property BOX names.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import vapoursynth as vs

from smfd_plugin.restore import Detection, faces_region
from smfd_plugin.restore.align import Box, shifted
from smfd_plugin.restore.blur import gate
from smfd_plugin.restore.fusion import View
from smfd_plugin.restore.tracking import area
from smfd_plugin.vapoursynth.errors import catch_errors
from smfd_plugin.vapoursynth.parts import (
    Size,
    change_frame,
    cut_out,
    moved,
    surroundings,
    within,
)
from smfd_plugin.vapoursynth.properties import (
    CONTENT,
    TRANSFER,
    read_amounts,
    read_faces,
    read_paths,
)
from smfd_plugin.vapoursynth.recent import Recent
from smfd_plugin.vapoursynth.restorer import Restorer
from smfd_plugin.vapoursynth.streams import Streams
from smfd_plugin.vapoursynth.window import cached, window


def restorations(
    rgb: vs.VideoNode,
    size: Size,
    found: vs.VideoNode,
    faces: vs.VideoNode,
    restorer: Restorer,
    streams: Streams,
    *,
    radius: int,
    sharp_gate: float,
    max_faces: int,
) -> vs.VideoNode:
    """RGBS frames of what restoring the faces adds to a part of each frame, for
    `colour.add_change`.

    Args:
        rgb: from `regions.face_regions`.
        size: of the whole pictures.
        found: from `detection.find_faces`.
        faces: from `detection.steady`.
        restorer: does it.
        streams: how many frames are restored at the same time.
        radius: frames before and after each whose results are averaged into its own.
        sharp_gate, max_faces: see `detection.steady`.
    """
    blank = faces.std.BlankClip(format=vs.RGBS, varsize=True, keep=True)
    in_use = 2 * (radius + streams.count)
    stage = _Restoration(size, restorer, radius, sharp_gate, max_faces, Recent(in_use))
    sources = [blank, faces, *window(cached(rgb, in_use), radius), *window(found, radius)]
    return streams.modify(blank, sources, catch_errors(stage))


@dataclass(frozen=True)
class _Restoration:
    """The stage of `restorations`, whose arguments it holds.

    Attributes:
        recent: what the network made of the frames around, by the number of the face; None for
            what is no face.
    """

    size: Size
    restorer: Restorer
    radius: int
    sharp_gate: float
    max_faces: int
    recent: Recent[dict[int, View | None]]

    def __call__(self, n: int, f: list[vs.VideoFrame]) -> vs.VideoFrame:
        blank, tracked, *rest = f
        here, count = self.radius, 2 * self.radius + 1
        pictures, found = rest[:count], rest[count:]
        shown, amounts = [], []
        for face, amount, path in _rows(tracked.props, self.radius):
            if not amount:
                continue
            # Latest frame first: no other stream is computing it, so streams seldom wait for each
            # other.
            views = {
                k: self._view(n + k, pictures[here + k], found[here + k].props, path[k])
                for k in sorted(path, reverse=True)
            }
            own = views.pop(0, None)
            if own is None:  # missed by the detector, or sharp or not among the largest here only
                (own,) = self._deblur(pictures[here], [face], found[here].props[CONTENT])
            if own is not None:
                near = {k: 1 - abs(k) / (self.radius + 1) for k in views}
                shown.append((own, [(views[k], near[k]) for k in views if views[k]]))
                amounts.append(amount)
        box = surroundings([own.face.detection for own, _ in shown], self.size)
        if box is None:
            return blank
        image = cut_out(pictures[here], box)
        inside = [(_moved_view(own, box[:2]), others) for own, others in shown]
        content = within(found[here].props[CONTENT], box)
        blended = self.restorer.blend(image, inside, amounts, content)
        return change_frame(image, blended, box, pictures[here].props.get(TRANSFER))

    def _view(
        self, n: int, picture: vs.VideoFrame, found: Mapping[str, Any], number: int
    ) -> View | None:
        """The face of that number in frame n, restored."""
        return self.recent.get(n, lambda: self._views(picture, found)).get(number)

    def _views(self, picture: vs.VideoFrame, found: Mapping[str, Any]) -> dict[int, View | None]:
        """What the network makes of a frame, by the number of the face. It goes by this frame
        alone, so that it is the same whichever frame asks for it."""
        faces = read_faces(found)
        blurry = [i for i, face in enumerate(faces) if gate(face.blur, self.sharp_gate) > 0]
        by_size = sorted(blurry, key=lambda i: -area(faces[i].detection.box))
        largest = by_size[: self.max_faces or None]
        views = self._deblur(picture, [faces[i].detection for i in largest], found[CONTENT])
        return dict(zip(largest, views, strict=True))

    def _deblur(
        self, picture: vs.VideoFrame, faces: Sequence[Detection], content: Box
    ) -> list[View | None]:
        """The restored faces in the picture's coordinates; None for what is no face."""
        box = faces_region(faces, self.size)
        if box is None:
            return [None] * len(faces)
        left, top, *_ = box
        inside = [moved(face, box[:2]) for face in faces]
        views = self.restorer.deblur(cut_out(picture, box), inside, within(content, box))
        return [shown and _moved_view(shown, (-left, -top)) for shown in views]


def _rows(
    props: Mapping[str, Any], radius: int
) -> Iterator[tuple[Detection, float, dict[int, int]]]:
    rows = zip(read_faces(props), read_amounts(props), read_paths(props, radius), strict=True)
    return ((face.detection, amount, path) for face, amount, path in rows)


def _moved_view(shown: View, corner: tuple[int, int]) -> View:
    """The face in the coordinates of a part of the picture that begins at the corner."""
    face = shown.face
    there = replace(
        face, detection=moved(face.detection, corner), to_crop=shifted(face.to_crop, corner)
    )
    return replace(shown, face=there)
