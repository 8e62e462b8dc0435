"""Faces as frame properties: how the filter's stages, and scripts, learn what was found.

Every frame carries `SMFDFaces`, the number n of its faces, and if that is not 0, the largest face
first: `SMFDBoxes` (4n numbers: left, top, right, bottom in pixels), `SMFDLandmarks` (10n: x and y
of the eye on the picture's left, the other eye, nose tip, left and right corner of the mouth),
`SMFDScores` (n: how sure the detector is, 0 to 1), `SMFDBlur` (n: in pixels, see
restore.blur.measure_blur) and `SMFDAmounts` (n: how much of the restored face is blended in, 0 to
1).
"""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smfd_plugin.restore import Detection, Sighting

COUNT = "SMFDFaces"
BOXES = "SMFDBoxes"
LANDMARKS = "SMFDLandmarks"
SCORES = "SMFDScores"
BLUR = "SMFDBlur"
AMOUNTS = "SMFDAmounts"
NAMES = (COUNT, BOXES, LANDMARKS, SCORES, BLUR, AMOUNTS)

PATHS = "SMFDPaths"
"""For each face and each frame of the window around this one, which of the faces found there it is;
-1: none."""

BOX = "SMFDBox"
"""Of a frame that is a part of the picture: left, top, right and bottom of the part, the last two
exclusive."""

CONTENT = "SMFDContent"
"""The part of the picture that is no black bar: left, top, right and bottom, the last two
exclusive."""

TRANSFER = "SMFDTransfer"
"""The transfer characteristics of a frame, where they are other than those of SDR, see
`transfer`. (`_Transfer` itself would have resize convert them.)"""

ERROR = "SMFDError"
"""What went wrong in a frame; core.smfd.Check makes it the frame's error."""

CUT = "SMFDCut"
"""1 on the first frame of a scene."""


def write_faces(
    props: MutableMapping[str, Any], faces: Sequence[Sighting], amounts: Sequence[float] = ()
) -> None:
    """Sets the properties of a frame that has none of them yet."""
    props[COUNT] = len(faces)
    if not faces:
        return
    props[BOXES] = [float(x) for face in faces for x in face.detection.box]
    props[LANDMARKS] = [float(x) for face in faces for x in face.detection.landmarks.flat]
    props[SCORES] = [face.detection.score for face in faces]
    props[BLUR] = [face.blur for face in faces]
    if amounts:
        props[AMOUNTS] = list(amounts)


def read_faces(props: Mapping[str, Any]) -> list[Sighting]:
    """What `write_faces` wrote, if it did."""
    if not props.get(COUNT):
        return []
    boxes = np.array(props[BOXES], np.float32).reshape(-1, 4)
    landmarks = np.array(props[LANDMARKS], np.float32).reshape(-1, 5, 2)
    rows = zip(boxes, landmarks, _numbers(props[SCORES]), _numbers(props[BLUR]), strict=True)
    return [
        Sighting(Detection(box, points, float(score)), float(blur))
        for box, points, score, blur in rows
    ]


def read_amounts(props: Mapping[str, Any]) -> list[float]:
    """The amounts that `write_faces` wrote."""
    return _numbers(props[AMOUNTS]).tolist() if props[COUNT] else []


def write_paths(
    props: MutableMapping[str, Any], paths: Sequence[Mapping[int, int]], radius: int
) -> None:
    """Sets PATHS from the number of each face by the frame's distance."""
    if paths:
        window = range(-radius, radius + 1)
        props[PATHS] = [path.get(distance, -1) for path in paths for distance in window]


def read_paths(props: Mapping[str, Any], radius: int) -> list[dict[int, int]]:
    """What `write_paths` wrote."""
    if not props[COUNT]:
        return []
    rows = np.reshape(props[PATHS], (props[COUNT], 2 * radius + 1))
    return [{k - radius: int(i) for k, i in enumerate(row) if i >= 0} for row in rows]


def _numbers(value: float | list[float]) -> NDArray[np.float64]:
    """VapourSynth gives a list of one number as the number."""
    return np.atleast_1d(np.asarray(value, np.float64))
