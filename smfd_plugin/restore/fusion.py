"""A face from several frames: what the network made of it in the frames around, averaged.

Blur and noise differ from frame to frame, and so do the results; what they have in common is the
face. Results are registered by one affine motion of the whole face, so that no eye or mouth is
moved by itself, and count only where they show the same once fine detail is smoothed away: an eye
that is open in one frame and closed in the next stays as it is in each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.restore.align import Matrix, warp
from smfd_plugin.restore.blend import gaussian_blur
from smfd_plugin.restore.faces import AlignedFace

_GUIDE, _GUIDE_BLUR = 128, 2.5
"""Side of the grey pictures that are registered, and the Gaussian that hides their fine detail."""

_COARSE, _COARSE_BLUR = 64, 1.28
"""Side of the pictures that are compared, and the same: 2 percent of the face's side."""

_TOLERANCE = 0.02
"""Difference of brightness, of 1, at which a result counts for exp(-1/2) of its weight."""

_REACH = 3
"""Side, in coarse pixels, of the square around a difference that it counts for."""

_INNER = (0.23, 0.27, 0.77, 0.81)
"""Left, top, right, bottom of the face, without hair and background, as parts of the side."""

_FARTHEST = 0.1
"""Shift, as a part of the side, beyond which a registration has failed."""

_LIKENESS = 0.7
"""Correlation of two guides below which they do not show the same face in the same pose."""

_NEGLIGIBLE = 0.05
"""Weight below which a result is not worth its time."""

_ITERATIONS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 8, 1e-3)


@dataclass(frozen=True)
class View:
    """A face as one frame shows it, with what it takes to compare it with other frames'.

    Attributes:
        face: the face.
        guide: (128, 128) grey.
        coarse: (3, 64, 64) RGB.
        detail: how much fine detail the crop has; less if it is blurrier.
    """

    face: AlignedFace
    guide: NDArray[np.float32]
    coarse: Tensor
    detail: float

    def to(self, device: torch.device) -> "View":
        """The same on a device."""
        there = {
            name: getattr(self.face, name).to(device) for name in ("crop", "restored", "logits")
        }
        return replace(self, face=replace(self.face, **there), coarse=self.coarse.to(device))


@torch.no_grad()
def view(face: AlignedFace) -> View:
    """Prepares a face for `fuse`. Of its logits it keeps those of head and background only, since
    the views of many frames are held at a time."""
    parts = face.logits.split([1, len(face.logits) - 1])  # blend.BACKGROUND is the first
    face = replace(face, logits=torch.cat((parts[0], parts[1].logsumexp(0, keepdim=True))))
    restored = face.restored.clamp(0, 1)[None]
    grey = F.interpolate(restored.mean(1, keepdim=True), (_GUIDE, _GUIDE), mode="area")
    coarse = F.interpolate(restored, (_COARSE, _COARSE), mode="area").transpose(0, 1)
    return View(
        face,
        gaussian_blur(grey, _GUIDE_BLUR)[0, 0].cpu().numpy(),
        gaussian_blur(coarse, _COARSE_BLUR)[:, 0],
        _detail(face.crop),
    )


@torch.no_grad()
def fuse(own: View, others: Sequence[tuple[View, float]]) -> Tensor:
    """The restored face, averaged with its results in other frames where they show the same.

    Args:
        own: the face in the frame that is restored.
        others: the face in other frames, and how much each counts, of what `own` counts. One whose
            crop is blurrier counts less still, by the square of how much less detail it has.

    Returns:
        (3, S, S), like `own.face.restored`.
    """
    total = own.face.restored.clone()
    weights = torch.ones_like(total[:1])
    size = total.shape[-1]
    for other, share in others:
        share *= (other.detail / own.detail) ** 2
        if share < _NEGLIGIBLE:
            continue
        motion = _register(own.guide, other.guide)
        if motion is None:
            continue
        weight = F.interpolate(
            share * _agreement(own.coarse, other.coarse, motion)[None, None],
            (size, size),
            mode="bilinear",
        )[0]
        total += weight * _moved(other.face.restored, motion, size)
        weights += weight
    return total / weights


def _register(to: NDArray[np.float32], source: NDArray[np.float32]) -> Matrix | None:
    """The affine motion from one guide to where the other shows the same (enhanced correlation
    coefficient: Evangelidis & Psarakis, IEEE PAMI 30(10), 2008), in parts of the side from the
    upper left corner; None if there is none."""
    mask = np.zeros((_GUIDE, _GUIDE), np.uint8)
    mask[_inner(_GUIDE)] = 1
    start = np.eye(2, 3, dtype=np.float32)
    try:
        likeness, found = cv2.findTransformECC(
            to, source, start, cv2.MOTION_AFFINE, _ITERATIONS, mask, 1
        )
    except cv2.error:  # the pictures have nothing in common
        return None
    if not likeness > _LIKENESS:
        return None
    centre = (_GUIDE - 1) / 2
    shift = found[:, :2].sum(1) * centre + found[:, 2] - centre
    if not np.abs(shift).max() < _FARTHEST * _GUIDE:
        return None
    return _rescaled(found.astype(np.float64), 1 / _GUIDE, 1 / _GUIDE)


def _rescaled(matrix: Matrix, source: float, target: float) -> Matrix:
    """The matrix between pictures `source` and `target` times as large as those it is for, whose
    corners stay corners; a picture of size 1 has its corner at -0.5."""
    turn = matrix[:, :2] * (target / source)
    shift = (matrix[:, 2] + 0.5 - matrix[:, :2].sum(1) / 2) * target
    return np.hstack((turn, (shift + turn.sum(1) / 2 - 0.5)[:, None]))


def _moved(picture: Tensor, motion: Matrix, size: int) -> Tensor:
    """(C, size, size): what a (C, H, H) picture shows where the motion leads."""
    to_source = _rescaled(motion, size, picture.shape[-1])
    return warp(picture[None], [to_source], (size, size), "reflection")[0]


def _agreement(own: Tensor, other: Tensor, motion: Matrix) -> Tensor:
    """(64, 64) in (0, 1], by the coarse pictures."""
    difference = _moved(other, motion, _COARSE) - own
    rows, columns = _inner(_COARSE)
    inner = difference[:, rows, columns].flatten(1)
    difference = difference - inner.median(1).values[:, None, None]  # a change of light
    agreement = torch.exp(difference.square().mean(0) / (-2 * _TOLERANCE**2))
    return -F.max_pool2d(-agreement[None], _REACH, 1, _REACH // 2)[0]


def _detail(crop: Tensor) -> float:
    """Mean squared gradient of the face."""
    side = min(crop.shape[-1], 256)
    grey = F.interpolate(crop.mean(0)[None, None], (side, side), mode="area")
    smooth = gaussian_blur(grey, side / 256)[0, 0][_inner(side)]
    gradients = smooth.diff(dim=0).square().mean() + smooth.diff(dim=1).square().mean()
    return float(gradients.clamp(min=1e-12))


def _inner(side: int) -> tuple[slice, slice]:
    left, top, right, bottom = (round(part * side) for part in _INNER)
    return slice(top, bottom), slice(left, right)
