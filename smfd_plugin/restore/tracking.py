"""Faces steady over time: detections of neighbouring frames matched, smoothed and faded.

Pure functions of a window of frames, so that the result for a frame does not depend on which frames
were asked for before.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smfd_plugin.restore.detect import Detection

_SAME_FACE = 0.3
"""Overlap (intersection over union) from which boxes of neighbouring frames are one face."""

_REACH = 1.0
"""How far a face moves at most from one frame to the next, in sides of its box."""

_STRAY = 0.5
"""The same from the place that is predicted for it: where its velocity is known, or frames in
between missed it."""

_ALIKE = 0.5
"""Area of the smaller box, as a part of the larger one's, from which they can be one fast face."""

_LAG = 0.03
"""How far smoothing moves a face at most, in sides of its box: detections tremble by less, and what
is farther is motion."""


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
        presence: in (0, 1], below 1 while the face appears or leaves, or gets among the largest or
            out of them.
        path: which sighting of a frame of the window is the face, by the frame's distance.
    """

    detection: Detection
    blur: float
    presence: float
    path: dict[int, int]


Track = dict[int, Sighting]
"""One face: its sightings by index of the frame in the window."""


def steady_faces(
    window: Sequence[Sequence[Sighting]], centre: int, radius: int, most: int = 0
) -> list[SteadyFace]:
    """The faces of one frame, the largest first.

    Gaps of up to half the radius, which a detector leaves now and then, are bridged. Over the rest
    of the radius a face fades in from its first sighting and out to its last; not where the window
    is cut off, since there the picture changes anyway. Faces that get among the largest or out of
    them fade, too, with the part of their frames in the window in which they are among them.

    Args:
        window: what each frame shows, from `radius` frames before the centre to as many after it,
            cut off where the scene or the clip begins or ends.
        centre: index of the frame in the window.
        radius: in frames, at least 0.
        most: how many faces of a frame count, the largest; 0: all.
    """
    bridge = radius // 2
    tracks = _link(window, bridge)
    # Not beyond: a miss at the end of the window cannot be told from a face that leaves.
    near = range(centre - radius + bridge, centre + radius - bridge + 1)
    shares = _shares(tracks, near, most or len(tracks))
    faces = [
        SteadyFace(
            *_smooth(track, centre, radius),
            share * _presence(track, centre, radius, len(window)),
            {index - centre: _number(window[index], track[index]) for index in sorted(track)},
        )
        for track, share in zip(tracks, shares, strict=True)
        if share and min(track) <= centre <= max(track)
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
    """Tracks without gaps of more than `bridge` frames.

    Neighbouring frames come first: where a camera pans over two people, one of them may be where
    the other was some frames ago.
    """
    tracks: list[Track] = [{n: seen} for n, sightings in enumerate(window) for seen in sightings]
    for step in range(1, bridge + 2):
        tracks = _joined(tracks, step, _unlikeness)
        # Again as long as it helps, since what was joined shows how fast a face moves.
        while len(joined := _joined(tracks, step, _distance)) < len(tracks):
            tracks = joined
    return tracks


def _joined(
    tracks: Sequence[Track], step: int, measure: Callable[[Track, Track], float]
) -> list[Track]:
    """Joins pairs of tracks where one begins `step` frames after the other ends, smallest `measure`
    first. A track gets at most one predecessor and one successor; an infinite measure forbids the
    pair."""
    begins = defaultdict(list)
    for j, track in enumerate(tracks):
        begins[min(track)].append(j)
    pairs = sorted(
        (measure(track, tracks[j]), i, j)
        for i, track in enumerate(tracks)
        for j in begins[max(track) + step]
    )
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    for value, i, j in pairs:
        if value < np.inf and i not in after and j not in before:
            before[j], after[i] = i, j
    joined: dict[int, Track] = {}  # by number of the last track in it
    for j in sorted(range(len(tracks)), key=lambda j: min(tracks[j])):
        joined[j] = joined.pop(before[j]) | tracks[j] if j in before else tracks[j]
    return list(joined.values())


def _unlikeness(track: Track, later: Track) -> float:
    """How little the boxes overlap where one ends and the other begins."""
    share = overlap(track[max(track)].detection.box, later[min(later)].detection.box)
    return 1 - share if share >= _SAME_FACE else np.inf


def _distance(track: Track, later: Track) -> float:
    """Distance, in sides of the smaller box, from where the later track begins to where the earlier
    one would be by then, extrapolated with either track's velocity; the smaller of the two.
    Infinite if they cannot be one face."""
    end, begin = max(track), min(later)
    small, large = sorted(area(seen.detection.box) for seen in (track[end], later[begin]))
    if small < max(_ALIKE * large, 1e-9):
        return np.inf
    velocities = [_velocity(track, *sorted(track)[-2:])] if len(track) > 1 else []
    velocities += [_velocity(later, *sorted(later)[:2])] if len(later) > 1 else []
    most = _STRAY if velocities or begin - end > 1 else _REACH
    way = _centre(later[begin]) - _centre(track[end])
    strays = [way - (begin - end) * velocity for velocity in velocities or [np.zeros(2)]]
    stray = min(float(np.linalg.norm(stray)) for stray in strays) / np.sqrt(small)
    return stray if stray <= most else np.inf


def _velocity(track: Track, first: int, last: int) -> NDArray:
    """Between two frames that show it, in pixels a frame."""
    return (_centre(track[last]) - _centre(track[first])) / (last - first)


def _centre(sighting: Sighting) -> NDArray:
    return sighting.detection.box.reshape(2, 2).mean(0)


def _shares(tracks: Sequence[Track], frames: range, most: int) -> list[float]:
    """The part of these frames of each track in which it is among the `most` largest."""
    sizes = [_sizes(track, frames) for track in tracks]
    counts = [0] * len(tracks)
    for index in frames:
        shown = [i for i, size in enumerate(sizes) if index in size]
        for i in sorted(shown, key=lambda i: -sizes[i][index])[:most]:
            counts[i] += 1
    return [count / max(len(size), 1) for count, size in zip(counts, sizes, strict=True)]


def _sizes(track: Track, frames: range) -> dict[int, float]:
    """Area by frame; in a gap, the last before it."""
    latest = {n: max(k for k in track if k <= n) for n in frames if min(track) <= n <= max(track)}
    return {n: area(track[k].detection.box) for n, k in latest.items()}


def _smooth(track: Track, centre: int, radius: int) -> tuple[Detection, float]:
    """The value at the centre of the straight line that fits the sightings best, the nearer ones
    counting more. For a complete window that is their weighted mean; at the ends of a track, unlike
    the mean, it does not lag behind a moving face. What the frame itself shows bounds how far off a
    face that changes its speed can be."""
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
    points = now[:14].reshape(7, 2)  # corners of the box, landmarks
    if centre in track:
        own = track[centre].detection
        off = (own.landmarks - points[2:]).mean(0)
        bound = _LAG * np.sqrt(area(own.box))
        points += off * (1 - bound / max(float(np.linalg.norm(off)), bound, 1e-9))
    box, landmarks = np.split(points.astype(np.float32), [2])
    return Detection(box.ravel(), landmarks, float(mean[14])), float(mean[15])


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
