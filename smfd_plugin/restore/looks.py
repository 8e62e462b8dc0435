"""Looking for faces more than once: in a smaller picture, and in one that is turned.

A detector knows faces up to a size, and finds larger ones badly: with landmarks beside their place,
or parts of them as faces. It knows sharp faces, too, and what is blurry is sharper in a smaller
picture. And it is trained on upright faces: it finds many that lie on their side or upside down, as
in scans and in photos of people in bed, but with the landmarks of an upright one. In the size and
the turn in which it knows a face its score is highest.
"""

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from smfd_plugin.restore.detect import LARGEST, Detection, Detector, enlarged, shrunken

_SMALLER = 3
"""How many times smaller the smaller picture is. It takes a ninth of the time."""

_LEAST = 96
"""Pixels of a face in the smaller picture from which its landmarks are as good as in the other."""

_SAME = 0.5
"""Boxes are one face where they share at least this part of the smaller one."""


def in_two_sizes(detect: Detector) -> Detector:
    """A detector that looks at the picture as it is and at a smaller one.

    Args:
        detect: it finds faces up to LARGEST pixels.
    """

    def detect_twice(image: Tensor) -> list[Detection]:
        whole, scale = shrunken(image)
        small, more = shrunken(whole, max(whole.shape[-2:]) // _SMALLER)
        found = [(face, 1) for face in detect(whole)]
        found += [(enlarged(face, more), _SMALLER) for face in detect(small)]
        found.sort(key=lambda each: (not _fits(*each), -each[0].score))
        faces = sorted(_distinct(found), key=lambda face: -face.score)
        return [enlarged(face, scale) for face in faces]

    return detect_twice


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
        return _distinct(sorted(found, key=lambda each: -each[0].score))

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


def _distinct(found: Iterable[tuple[Detection, int]]) -> list[Detection]:
    """The faces, each with the look that found it, without those that are the same as one of
    another look before them."""
    kept: list[tuple[Detection, int]] = []
    for face, look in found:
        others = (before for before, of_look in kept if of_look != look)
        if not any(_overlap(face, before) >= _SAME for before in others):
            kept.append((face, look))
    return [face for face, _ in kept]


def _fits(face: Detection, smaller: int) -> bool:
    """Whether a face has a size that is found well in a picture so many times smaller. Others count
    only where the picture of the other size does not show them."""
    side = float((face.box[2:] - face.box[:2]).max())
    return side <= LARGEST if smaller == 1 else side >= _LEAST * smaller


def _overlap(a: Detection, b: Detection) -> float:
    """Area that the boxes share, as a part of the smaller one's."""
    corner, opposite = np.maximum(a.box[:2], b.box[:2]), np.minimum(a.box[2:], b.box[2:])
    shared = float(np.prod((opposite - corner).clip(0)))
    smaller = min(float(np.prod(face.box[2:] - face.box[:2])) for face in (a, b))
    return shared / max(smaller, 1e-9)
