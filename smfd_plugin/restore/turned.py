"""Finding faces that lie on their side or upside down, as in scans and in photos of people in bed.

A detector is trained on upright faces. It finds many others, too, but with the landmarks of an
upright one. In the turn of the picture in which a face is upright its score is highest.
"""

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from smfd_plugin.restore.detect import Detection, Detector, enlarged, shrunken

_SAME = 0.5
"""Boxes are one face where they share at least this part of the smaller one."""


def in_all_turns(detect: Detector) -> Detector:
    """A detector that looks at the picture in all four quarter turns, and takes four times as long.

    Args:
        detect: it finds upright faces.
    """

    def detect_turned(image: Tensor) -> list[Detection]:
        small, scale = shrunken(image)  # once, which takes longer than to turn it
        height, width = small.shape[-2:]
        found = [
            (enlarged(_turned_back(face, turns, width, height), scale), turns)
            for turns in range(4)
            for face in detect(small.rot90(turns, (1, 2)))
        ]
        return _surest(found)

    return detect_turned


def _turned_back(face: Detection, turns: int, width: int, height: int) -> Detection:
    """From a picture after so many quarter turns to the left to the picture itself, which has this
    size."""
    box, landmarks = face.box.reshape(2, 2), face.landmarks
    for turn in reversed(range(turns)):
        side = width if turn % 2 == 0 else height
        box = np.stack((side - box[:, 1], box[:, 0]), 1)
        landmarks = np.stack((side - 1 - landmarks[:, 1], landmarks[:, 0]), 1)
    return Detection(np.concatenate((box.min(0), box.max(0))), landmarks, face.score)


def _surest(found: Iterable[tuple[Detection, int]]) -> list[Detection]:
    """The faces, each with the turn it was found in, without those that a surer one of another turn
    is the same as; the surest first."""
    kept: list[tuple[Detection, int]] = []
    for face, turns in sorted(found, key=lambda each: -each[0].score):
        others = (surer for surer, of_turn in kept if of_turn != turns)
        if not any(_overlap(face, surer) >= _SAME for surer in others):
            kept.append((face, turns))
    return [face for face, _ in kept]


def _overlap(a: Detection, b: Detection) -> float:
    """Area that the boxes share, as a part of the smaller one's."""
    corner, opposite = np.maximum(a.box[:2], b.box[:2]), np.minimum(a.box[2:], b.box[2:])
    shared = float(np.prod((opposite - corner).clip(0)))
    smaller = min(float(np.prod(face.box[2:] - face.box[:2])) for face in (a, b))
    return shared / max(smaller, 1e-9)
