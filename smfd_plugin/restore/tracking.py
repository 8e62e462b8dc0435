"""Faces steady over time: detections of neighbouring frames matched, smoothed and faded.

Pure functions of a window of frames, so that the result for a frame does not depend on which frames
were asked for before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smfd_plugin.restore.detect import Detection

_SAME_FACE = 0.3
"""Overlap (intersection over union) from which boxes of neighbouring frames are one face."""


@dataclass(frozen=True)
class Sighting:
    """A face as one frame shows it.

    Attributes:
        detection: the face.
        blur: see `blur.measure_blur`.
    """

    detection: Detection
    blur: float


@dataclass(frozen=True)
class SteadyFace:
    """A face of a frame, in the light of the frames around it.

    Attributes:
        detection: box, landmarks and score, smoothed.
        blur: smoothed.
        presence: in (0, 1], below 1 while the face appears or leaves.
        path: which sighting of a frame of the window is the face, by the frame's distance.
    """

    detection: Detection
    blur: float
    presence: float
    path: dict[int, int]


Track = dict[int, Sighting]
"""One face: its sightings by index of the frame in the window."""


def steady_faces(
    window: Sequence[Sequence[Sighting]], centre: int, radius: int
) -> list[SteadyFace]:
    """The faces of one frame, the largest first.

    Gaps of up to half the radius, which a detector leaves now and then, are bridged. Over the rest
    of the radius a face fades in from its first sighting and out to its last; not where the window
    is cut off, since there the picture changes anyway.

    Args:
        window: what each frame shows, from `radius` frames before the centre to as many after it,
            cut off where the scene or the clip begins or ends.
        centre: index of the frame in the window.
        radius: in frames, at least 0.
    """
    bridge = radius // 2
    faces = [
        SteadyFace(
            *_smooth(track, centre, radius),
            _presence(track, centre, radius, len(window)),
            {index - centre: _number(window[index], track[index]) for index in sorted(track)},
        )
        for track in _link(window, bridge)
        if min(track) <= centre <= max(track)
    ]
    return sorted(faces, key=lambda face: -area(face.detection.box))


def overlap(a: NDArray, b: NDArray) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    inner = area(np.concatenate((np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:]))))
    return inner / max(area(a) + area(b) - inner, 1e-9)


def area(box: NDArray) -> float:
    """Of a box (left, top, right, bottom), in pixels."""
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    return max(width, 0.0) * max(height, 0.0)


def _link(window: Sequence[Sequence[Sighting]], bridge: int) -> list[Track]:
    """Tracks without gaps of more than `bridge` frames."""
    tracks: list[Track] = []
    for index, sightings in enumerate(window):
        last = [(track, max(track)) for track in tracks]
        pairs = sorted(
            (
                (overlap(track[seen].detection.box, sighting.detection.box), i, j)
                for i, (track, seen) in enumerate(last)
                if index - seen <= bridge + 1
                for j, sighting in enumerate(sightings)
            ),
            key=lambda pair: (-pair[0], pair[1:]),
        )
        linked: dict[int, int] = {}
        for share, i, j in pairs:
            if share >= _SAME_FACE and i not in linked.values() and j not in linked:
                linked[j] = i
        for j, sighting in enumerate(sightings):
            if j in linked:
                tracks[linked[j]][index] = sighting
            else:
                tracks.append({index: sighting})
    return tracks


def _smooth(track: Track, centre: int, radius: int) -> tuple[Detection, float]:
    """The value at the centre of the straight line that fits the sightings best, the nearer ones
    counting more. For a complete window that is their weighted mean; at the ends of a track, unlike
    the mean, it does not lag behind a moving face."""
    times = np.array(list(track)) - centre
    values = np.array(
        [
            [*s.detection.box, *s.detection.landmarks.flat, s.detection.score, s.blur]
            for s in track.values()
        ]
    )
    weights = radius + 1.0 - np.abs(times)
    weights /= weights.sum()
    mean, middle = weights @ values, weights @ times
    spread = weights @ np.square(times - middle)
    slope = (weights * (times - middle)) @ values / spread if spread else 0.0
    now = mean - middle * slope
    box, landmarks = np.split(now[:14].astype(np.float32), [4])
    return Detection(box, landmarks.reshape(5, 2), float(mean[14])), float(mean[15])


def _number(sightings: Sequence[Sighting], wanted: Sighting) -> int:
    return next(number for number, sighting in enumerate(sightings) if sighting is wanted)


def _presence(track: Track, centre: int, radius: int, length: int) -> float:
    fade = radius - radius // 2
    distances = []  # to the nearest frames without the face
    if min(track) > 0:
        distances.append(centre - min(track) + 1)
    if max(track) < length - 1:
        distances.append(max(track) + 1 - centre)
    return min([1.0, *(distance / (fade + 1) for distance in distances)])
