"""Restoring the detected faces of a picture: align, deblur, place back. Functions on tensors.

What is put back is the network's change to the crop, not the crop: pixels keep the sharpness that
they have in the picture, which resampling to the crop and back would cost, and a network that
changes nothing changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched, groupby

import torch
from torch import Tensor, nn

from smfd_plugin.restore import align, blend
from smfd_plugin.restore.align import Box, Matrix
from smfd_plugin.restore.bars import content_box
from smfd_plugin.restore.detect import Detection
from smfd_plugin.restore.network import MAX_BATCH_PIXELS
from smfd_plugin.restore.sizes import restoration_size, run_fitted

DEFAULT_MAX_CROP = 512
DEFAULT_FEATHER = 0.02


@dataclass(frozen=True)
class AlignedFace:
    """One face, cut out and restored.

    Attributes:
        detection: the face.
        to_crop: matrix from the picture to the crop, see `align`.
        crop: (3, S, S) float RGB, what the network saw.
        restored: (3, S, S) float RGB, what it made of it, not clamped.
        logits: (K, S, S) mask logits.
    """

    detection: Detection
    to_crop: Matrix
    crop: Tensor
    restored: Tensor
    logits: Tensor


@dataclass(frozen=True)
class FacePatch(AlignedFace):
    """One restored face and its place in the picture.

    Attributes:
        box: left, top, right, bottom in the picture, the last two exclusive.
        weight: (1, h, w) in [0, 1], how much of `pixels` to blend in; exactly 0 outside the face.
        pixels: (3, h, w) float RGB, the restored pixels of the box.
    """

    box: Box
    weight: Tensor
    pixels: Tensor


def restore_faces(
    net: nn.Module,
    frame: Tensor,
    detections: Sequence[Detection],
    content: Box | None = None,
    *,
    half: bool = False,
    max_crop: int = DEFAULT_MAX_CROP,
) -> list[FacePatch]:
    """`deblur_faces`, then `place_faces` with those that are faces. `content` None: found here."""
    if content is None:
        content = content_box(frame, [detection.landmarks for detection in detections])
    faces = deblur_faces(net, frame, detections, content, half=half, max_crop=max_crop)
    return place_faces(frame, [face for face in faces if face is not None], content)


@torch.no_grad()
def deblur_faces(
    net: nn.Module,
    frame: Tensor,
    detections: Sequence[Detection],
    content: Box | None = None,
    *,
    half: bool = False,
    max_crop: int = DEFAULT_MAX_CROP,
) -> list[AlignedFace | None]:
    """Cuts out the given faces of a picture and restores them. Beyond its border, and in black bars
    there, the network sees the last pixels of the picture.

    Args:
        net: see `network.run_network`; on the frame's device.
        frame: (3, H, W) float32 RGB in [0, 1].
        detections: the faces; only their landmarks decide where they are.
        content: the part of the frame that is no bar, see `bars.content_box`; None: all of it.
        half: see `network.run_network`.
        max_crop: largest side of a crop, one of align.CROP_SIZES.

    Returns:
        For each detection its face, on the frame's device; None where the landmarks make no face
        (all one point), the crop lies outside the picture, or the picture there is not finite.

    Raises:
        ValueError: `max_crop` is none of align.CROP_SIZES.
        MemoryError: see `network.run_network`.
    """
    align.check_max_crop(max_crop)
    plans = {
        i: plan
        for i, detection in enumerate(detections)
        if (plan := _plan(detection, max_crop, frame.shape[-2:])) is not None
    }
    if not torch.isfinite(frame).all():
        plans = {i: plan for i, plan in plans.items() if _is_finite(frame, plan)}
    left, top, right, bottom = content or _whole(frame)
    shown = frame[:, top:bottom, left:right]
    faces: list[AlignedFace | None] = [None] * len(detections)
    for (size, samples), group in groupby(
        sorted(plans, key=lambda i: plans[i].batch_key), lambda i: plans[i].batch_key
    ):
        for members in batched(group, max(1, MAX_BATCH_PIXELS // (size * samples) ** 2)):
            to_crops = [plans[i].to_crop for i in members]
            to_content = [align.inverse(align.shifted(each, (left, top))) for each in to_crops]
            pictures = shown.expand(len(members), -1, -1, -1)
            crops = align.warp(pictures, to_content, (size, size), "border").clamp(0, 1)
            restored = zip(crops, *run_fitted(net, crops, half), strict=True)
            for i, to_crop, each in zip(members, to_crops, restored, strict=True):
                faces[i] = AlignedFace(detections[i], to_crop, *each)
    return faces


@torch.no_grad()
def place_faces(
    frame: Tensor,
    faces: Sequence[AlignedFace],
    content: Box | None = None,
    feather: float = DEFAULT_FEATHER,
) -> list[FacePatch]:
    """Carries restored faces back to where they are in the picture, which itself stays as it is.

    Args:
        frame: (3, H, W) float32 RGB in [0, 1].
        faces: of this picture, on its device.
        content: as for `deblur_faces`; nothing changes outside of it.
        feather: softness of the blend's edge, as a part of the crop's side.
    """
    content = content or _whole(frame)
    return [_place(frame, content, faces, i, feather) for i in range(len(faces))]


@torch.no_grad()
def blend_faces(
    frame: Tensor, patches: Sequence[FacePatch], strength: float | Sequence[float] = 1.0
) -> Tensor:
    """A copy of the (3, H, W) frame with the patches blended in, each scaled by `strength` (one
    number, or one for each); other pixels keep their exact value."""
    result = frame.clone()
    strengths = [strength] * len(patches) if isinstance(strength, int | float) else strength
    for patch, factor in zip(patches, strengths, strict=True):
        left, top, right, bottom = patch.box
        view = result[:, top:bottom, left:right]
        view += factor * patch.weight * (patch.pixels - view)
    return result


def faces_region(detections: Sequence[Detection], picture: tuple[int, int]) -> Box | None:
    """The part of the picture that `restore_faces` looks at, with its default `max_crop`.

    Args:
        detections: the faces.
        picture: its height and width.

    Returns:
        left, top, right, bottom, the last two exclusive; None if no face can be restored.
    """
    found = (_plan(face, DEFAULT_MAX_CROP, picture) for face in detections)
    plans = [plan for plan in found if plan is not None]
    if not plans:
        return None
    left, top, right, bottom = zip(*(plan.box for plan in plans), strict=True)
    box = min(left), min(top), max(right), max(bottom)
    return _grown(box, max(plan.margin for plan in plans), picture)


@dataclass(frozen=True)
class _Plan:
    size: int
    samples: int
    to_crop: Matrix
    box: Box

    @property
    def batch_key(self) -> tuple[int, int]:
        """Crops of one batch share their size and how they are sampled."""
        return self.size, self.samples

    @property
    def margin(self) -> int:
        """Pixels around the box that its crop is made of, too."""
        return 2 * self.samples


def _plan(detection: Detection, max_crop: int, picture: tuple[int, int]) -> _Plan | None:
    try:
        size = restoration_size(detection.landmarks, max_crop)
        to_crop = align.picture_to_crop(detection.landmarks, size)
    except ValueError:  # a freak of the detector, which must not cost the other faces
        return None
    to_picture = align.inverse(to_crop)
    box = blend.region(to_picture, size, *picture)
    if box[0] >= box[2] or box[1] >= box[3]:
        return None
    return _Plan(size, align.samples(to_picture), to_crop, box)


def _whole(frame: Tensor) -> Box:
    return 0, 0, frame.shape[-1], frame.shape[-2]


def _grown(box: Box, margin: int, picture: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    return (
        max(left - margin, 0),
        max(top - margin, 0),
        min(right + margin, picture[1]),
        min(bottom + margin, picture[0]),
    )


def _is_finite(frame: Tensor, plan: _Plan) -> bool:
    """One sample that is not would spread over the whole face."""
    left, top, right, bottom = _grown(plan.box, plan.margin, frame.shape[-2:])
    return bool(torch.isfinite(frame[:, top:bottom, left:right]).all())


def _place(
    frame: Tensor, content: Box, faces: Sequence[AlignedFace], index: int, feather: float
) -> FacePatch:
    face = faces[index]
    size = face.crop.shape[-1]
    box = blend.region(align.inverse(face.to_crop), size, *frame.shape[-2:])
    left, top, right, bottom = box
    mask = blend.head_mask(face.logits[None], feather)
    change = face.restored - face.crop
    stacked = torch.cat((change[None], mask), 1)
    box_to_crop = align.shifted(face.to_crop, (left, top))
    # Crops are little larger than faces; to average samples would cost sharpness and time.
    per_pixel = max(1, round(align.scale(box_to_crop)))
    shape = bottom - top, right - left
    placed = align.warp(stacked, [box_to_crop], shape, "zeros", per_pixel=per_pixel)[0]

    here = blend.crop_coordinates(face.to_crop, size, box, frame.device)
    others = [
        blend.crop_coordinates(other.to_crop, other.crop.shape[-1], box, frame.device)
        for i, other in enumerate(faces)
        if i != index and _may_overlap(box, other, frame)
    ]
    weight = placed[3:].clamp(0, 1) * blend.border_fade(here) * blend.own_share(here, others)
    weight = weight * blend.picture_fade(box, content, frame.device)
    weight = torch.where(weight < blend.FAINT, 0.0, weight)
    pixels = blend.keep_colour(frame[:, top:bottom, left:right], placed[:3], weight)
    return FacePatch(**vars(face), box=box, weight=weight, pixels=pixels)


def _may_overlap(box: Box, face: AlignedFace, frame: Tensor) -> bool:
    a, b = box, blend.region(align.inverse(face.to_crop), face.crop.shape[-1], *frame.shape[-2:])
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
