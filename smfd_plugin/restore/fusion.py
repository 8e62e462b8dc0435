"""A face from several frames: what the network made of it in the frames around, averaged.

Blur and noise differ from frame to frame, and so do the results; what they have in common is the
face. Results are registered by one affine motion of the whole face, so that no eye or mouth is
moved by itself, and count only where they show the same once fine detail is smoothed away: an eye
that is open in one frame and closed in the next stays as it is in each.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.restore.align import Matrix, shifted, transform, warp
from smfd_plugin.restore.blend import gaussian_blur
from smfd_plugin.restore.faces import AlignedFace

_COARSE, _COARSE_BLUR = 64, 1.28
"""Side of the pictures that are registered and compared, of which all crops' sides are multiples,
and the Gaussian that hides their noise: 2 percent of the face's side."""

_TOLERANCE = 0.02
"""Difference of brightness (full scale is 1) at which a result counts for exp(-1/2) of its
weight."""

_REACH = 3
"""Side, in coarse pixels, of the square around a difference that it counts for."""

_INNER = (0.23, 0.27, 0.77, 0.81)
"""Left, top, right, bottom of the face, without hair and background, as parts of the side."""

_FARTHEST = 0.1
"""Shift, as a part of the side, beyond which a registration has failed."""

_LIKENESS = 0.7
"""Correlation of two guides below which they do not show the same face in the same pose."""

_NEGLIGIBLE = 0.05
"""Part of all weights below which a result is not worth its time."""

_ITERATIONS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 5, 1e-3)


@dataclass(frozen=True)
class View:
    """A face as one frame shows it, with what it takes to compare it with other frames'.

    Attributes:
        face: the face.
        coarse: (3, 64, 64) RGB.
        guide: (64, 64), the same in grey.
        detail: how much fine detail the crop has; less if it is blurrier.
    """

    face: AlignedFace
    coarse: Tensor
    guide: NDArray[np.float32]
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
    restored = face.restored.clamp(0, 1)[:, None]
    coarse = F.avg_pool2d(restored, restored.shape[-1] // _COARSE)
    coarse = gaussian_blur(coarse, _COARSE_BLUR)[:, 0]
    return View(face, coarse, coarse.mean(0).cpu().numpy(), _detail(face.crop))


@torch.no_grad()
def fuse(own: View, others: Sequence[tuple[View, float]]) -> Tensor:
    """The restored face, averaged with its results in other frames where they show the same.

    Args:
        own: the face in the frame that is restored.
        others: the face in other frames, each with its weight (`own` has 1). Weights are multiplied
            by the square of the ratio of detail to `own`'s, so blurrier crops count less.

    Returns:
        (3, S, S), like `own.face.restored`.
    """
    shared = [(other, share * (other.detail / own.detail) ** 2) for other, share in others]
    least = _NEGLIGIBLE * (1 + sum(share for _, share in shared))
    found = []
    for other, share in shared:
        motion = _register(own.guide, other.guide) if share >= least else None
        if motion is not None:
            found.append((other, share, motion))
    total = own.face.restored.clone()
    if not found:
        return total
    near, shares, motions = zip(*found, strict=True)
    agreement = _agreement(own.coarse, torch.stack([other.coarse for other in near]), motions)
    size = total.shape[-1]
    weights = F.interpolate(agreement, (size, size), mode="bilinear")
    weights *= weights.new_tensor(shares)[:, None, None, None]
    by_size = defaultdict(list)
    for i, other in enumerate(near):
        by_size[other.face.restored.shape[-1]].append(i)
    for members in by_size.values():
        pictures = torch.stack([near[i].face.restored for i in members])
        total += (_warped(pictures, [motions[i] for i in members], size) * weights[members]).sum(0)
    return total / (1 + weights.sum(0))


def _register(to: NDArray[np.float32], source: NDArray[np.float32]) -> Matrix | None:
    """The affine motion from one guide to where the other shows the same (enhanced correlation
    coefficient: Evangelidis & Psarakis, IEEE PAMI 30(10), 2008), in parts of the side from the
    upper left corner; None if there is none."""
    rows, columns = _inner(_COARSE)
    corner = columns.start, rows.start
    start = np.float32([[1, 0, corner[0]], [0, 1, corner[1]]])
    try:
        likeness, found = cv2.findTransformECC(
            to[rows, columns], source, start, cv2.MOTION_AFFINE, _ITERATIONS, None, 1
        )
    except cv2.error:  # the pictures have nothing in common
        return None
    if not likeness > _LIKENESS:
        return None
    motion = shifted(found.astype(np.float64), (-corner[0], -corner[1]))
    centre = np.full((1, 2), (_COARSE - 1) / 2)
    if not np.abs(transform(motion, centre) - centre).max() < _FARTHEST * _COARSE:
        return None
    return _rescaled(motion, 1 / _COARSE, 1 / _COARSE)


def _rescaled(matrix: Matrix, source: float, target: float) -> Matrix:
    """The matrix between pictures `source` and `target` times as large as those it is for, whose
    corners stay corners; a picture of size 1 has its corner at -0.5."""
    turn = matrix[:, :2] * (target / source)
    shift = (matrix[:, 2] + 0.5 - matrix[:, :2].sum(1) / 2) * target
    return np.hstack((turn, (shift + turn.sum(1) / 2 - 0.5)[:, None]))


def _warped(pictures: Tensor, motions: Sequence[Matrix], size: int) -> Tensor:
    """(N, C, size, size): what (N, C, H, H) pictures show where the motions lead."""
    to_source = [_rescaled(motion, size, pictures.shape[-1]) for motion in motions]
    return warp(pictures, to_source, (size, size), "border", "bilinear")


def _agreement(own: Tensor, others: Tensor, motions: Sequence[Matrix]) -> Tensor:
    """(N, 1, 64, 64) in (0, 1], by the coarse pictures."""
    difference = _warped(others, motions, _COARSE) - own
    rows, columns = _inner(_COARSE)
    inner = difference[..., rows, columns].flatten(2)
    difference -= inner.median(2).values[..., None, None]  # a change of light
    square = difference.square().mean(1, keepdim=True)
    square = F.max_pool2d(square, _REACH, 1, _REACH // 2)
    return torch.exp(square / (-2 * _TOLERANCE**2))


def _detail(crop: Tensor) -> float:
    """Mean squared gradient of the face, in parts of the side, whatever that is."""
    grey = crop[(slice(None), *_inner(crop.shape[-1]))].mean(0)[None, None]
    side = min(crop.shape[-1], 256)
    if side < crop.shape[-1]:
        grey = F.interpolate(grey, scale_factor=side / crop.shape[-1], mode="area")
    smooth = gaussian_blur(grey, side / 256)[0, 0]
    gradients = smooth.diff(dim=0).square().mean() + smooth.diff(dim=1).square().mean()
    return float((gradients * (side / 256) ** 2).clamp(min=1e-12))


def _inner(side: int) -> tuple[slice, slice]:
    left, top, right, bottom = (round(part * side) for part in _INNER)
    return slice(top, bottom), slice(left, right)
