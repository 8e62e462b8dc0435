"""Restoring the detected faces of a picture: align, deblur, place back. Functions on tensors.

What is put back is the network's change to the crop, not the crop: pixels keep the sharpness that
they have in the picture, which resampling to the crop and back would cost, and a network that
changes nothing changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor, nn

from smfd_plugin.restore import align, blend
from smfd_plugin.restore.align import Matrix
from smfd_plugin.restore.detect import Detection
from smfd_plugin.restore.network import run_network

DEFAULT_MAX_CROP = 512
DEFAULT_FEATHER = 0.02

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels, the last two exclusive."""


@dataclass(frozen=True)
class FacePatch:
    """One restored face and its place in the picture.

    Attributes:
        detection: the face.
        to_crop: matrix from the picture to the crop, see `align`.
        crop: (3, S, S) float RGB, what the network saw.
        restored: (3, S, S) float RGB, what it made of it, not clamped.
        logits: (K, S, S) mask logits.
        box: left, top, right, bottom in the picture, the last two exclusive.
        weight: (1, h, w) in [0, 1], how much of `pixels` to blend in; exactly 0 outside the face.
        pixels: (3, h, w) float RGB, the restored pixels of the box.
    """

    detection: Detection
    to_crop: Matrix
    crop: Tensor
    restored: Tensor
    logits: Tensor
    box: Box
    weight: Tensor
    pixels: Tensor


@torch.no_grad()
def restore_faces(
    net: nn.Module,
    frame: Tensor,
    detections: Sequence[Detection],
    *,
    half: bool = False,
    max_crop: int = DEFAULT_MAX_CROP,
    feather: float = DEFAULT_FEATHER,
    strengths: Sequence[float] | None = None,
) -> list[FacePatch]:
    """Restores the given faces of a picture, which itself stays as it is.

    Args:
        net: see `network.run_network`; on the frame's device.
        frame: (3, H, W) float32 RGB in [0, 1].
        detections: the faces; only their landmarks decide where they are.
        half: see `network.run_network`.
        max_crop: largest side of a crop, one of align.CROP_SIZES.
        feather: softness of the blend's edge, as a part of the crop's side.
        strengths: factor in [0, 1] for the weights of each face; None: 1 for all.

    Returns:
        The patches, in the order of the detections, on the frame's device. Detections whose
        landmarks make no face (all one point), or whose crop lies outside the picture, have none.

    Raises:
        ValueError: `max_crop` is none of align.CROP_SIZES.
        MemoryError: see `network.run_network`.
    """
    align.check_max_crop(max_crop)
    plans = _plan(detections, max_crop, frame.shape[-2:], strengths)
    matrices = [plan.to_crop for plan in plans]
    patches: dict[int, FacePatch] = {}
    for (size, _), group in groupby(
        sorted(range(len(plans)), key=lambda i: plans[i].batch_key), lambda i: plans[i].batch_key
    ):
        members = list(group)
        to_picture = [align.inverse(matrices[i]) for i in members]
        frames = frame.expand(len(members), -1, -1, -1)
        crops = align.warp(frames, to_picture, (size, size), "reflection").clamp(0, 1)
        restored, logits = run_network(net, crops, half)
        masks = blend.head_mask(logits, feather)
        for k, i in enumerate(members):
            weight, pixels = _place(frame, plans, i, restored[k] - crops[k], masks[k])
            patches[i] = FacePatch(
                plans[i].detection, matrices[i], crops[k], restored[k], logits[k],
                plans[i].box, weight, pixels,
            )  # fmt: skip
    return [patches[i] for i in range(len(plans))]


@torch.no_grad()
def blend_faces(frame: Tensor, patches: Sequence[FacePatch], strength: float = 1.0) -> Tensor:
    """A copy of the (3, H, W) frame with the patches blended in, each scaled by `strength`; other
    pixels keep their exact value."""
    result = frame.clone()
    for patch in patches:
        left, top, right, bottom = patch.box
        view = result[:, top:bottom, left:right]
        view += strength * patch.weight * (patch.pixels - view)
    return result


def faces_region(
    detections: Sequence[Detection], picture: tuple[int, int], max_crop: int = DEFAULT_MAX_CROP
) -> Box | None:
    """The part of the picture that `restore_faces` looks at.

    Args:
        detections: the faces.
        picture: its height and width.
        max_crop: largest side of a crop, one of align.CROP_SIZES.

    Returns:
        left, top, right, bottom, the last two exclusive; None if no face can be restored.
    """
    plans = _plan(detections, max_crop, picture)
    if not plans:
        return None
    margin = max(2 * align.samples(align.inverse(plan.to_crop)) for plan in plans)
    left, top, right, bottom = zip(*(plan.box for plan in plans), strict=True)
    return (
        max(min(left) - margin, 0),
        max(min(top) - margin, 0),
        min(max(right) + margin, picture[1]),
        min(max(bottom) + margin, picture[0]),
    )


@dataclass(frozen=True)
class _Plan:
    detection: Detection
    size: int
    to_crop: Matrix
    box: Box
    strength: float

    @property
    def batch_key(self) -> tuple[int, int]:
        """Crops of one batch share their size and how they are sampled."""
        return self.size, align.samples(align.inverse(self.to_crop))


def _plan(
    detections: Sequence[Detection],
    max_crop: int,
    picture: tuple[int, int],
    strengths: Sequence[float] | None = None,
) -> list[_Plan]:
    plans = []
    for detection, strength in zip(detections, strengths or [1.0] * len(detections), strict=True):
        try:
            size = align.crop_size(detection.landmarks, max_crop)
            to_crop = align.picture_to_crop(detection.landmarks, size)
        except ValueError:  # a freak of the detector, which must not cost the other faces
            continue
        box = blend.region(align.inverse(to_crop), size, *picture)
        if box[0] < box[2] and box[1] < box[3]:
            plans.append(_Plan(detection, size, to_crop, box, strength))
    return plans


def _place(
    frame: Tensor, plans: list[_Plan], index: int, change: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Blend weight (1, h, w) and restored pixels (3, h, w) in the face's box.

    Args:
        change: (3, S, S), restored crop minus crop.
        mask: (1, S, S) of the head.
    """
    plan = plans[index]
    left, top, right, bottom = plan.box
    box_to_crop = plan.to_crop.copy()
    box_to_crop[:, 2] = align.transform(plan.to_crop, [(left, top)])[0]
    stacked = torch.cat((change, mask))[None]
    placed = align.warp(stacked, [box_to_crop], (bottom - top, right - left), "zeros")[0]

    here = blend.crop_coordinates(plan.to_crop, plan.size, plan.box, frame.device)
    others = [
        blend.crop_coordinates(other.to_crop, other.size, plan.box, frame.device)
        for i, other in enumerate(plans)
        if i != index and _overlap(plan.box, other.box)
    ]
    weight = placed[3:].clamp(0, 1) * blend.border_fade(here) * blend.own_share(here, others)
    weight = torch.where(weight < blend.FAINT, 0.0, weight)
    original = frame[:, top:bottom, left:right]
    return plan.strength * weight, blend.keep_colour(original, placed[:3], weight)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
