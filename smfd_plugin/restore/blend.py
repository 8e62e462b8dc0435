"""Putting restored faces back: where, how strongly, and without a change of colour."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.restore.align import Box, Matrix, transform

BACKGROUND = 0
"""Channel of the logits that is no part of a head (see smfd_plugin.data.mask_classes)."""

BORDER = 0.1
"""Part of a crop's side over which the blend fades out towards the crop's border."""

PICTURE_BORDER = 4
"""Pixels over which it fades out towards the picture's border, beyond which nobody knows what was
blurred into it."""

_SETTLED = 1e-4
"""Shift of the mean colour that nobody sees."""

FAINT = 1 / 512
"""Smaller weights are set to 0: even a change of full scale would move an 8 bit pixel by less than
half a level."""


def head_mask(logits: Tensor, feather: float) -> Tensor:
    """Probability that a pixel belongs to a head, feathered.

    Args:
        logits: (N, K, S, S) of the semantic classes.
        feather: standard deviation of the Gaussian that softens the edge, as a part of S.

    Returns:
        (N, 1, S, S) in [0, 1].
    """
    mask = 1 - logits.softmax(1)[:, BACKGROUND, None]
    return gaussian_blur(mask, feather * logits.shape[-1])


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Blurs (N, 1, H, W) by a Gaussian of `sigma` pixels; the edge pixels are repeated outwards."""
    radius = round(3 * sigma)
    if radius < 1:
        return x
    taps = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.softmax(-taps.square() / (2 * sigma**2), 0)
    x = F.pad(x, (radius,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))


def region(to_picture: Matrix, crop: int, height: int, width: int) -> Box:
    """The upright box of a crop within the picture.

    Returns:
        left, top, right, bottom in pixels, the last two exclusive; empty (left >= right or top >=
        bottom) if the crop lies outside.
    """
    edge = crop - 0.5
    corners = transform(to_picture, [(-0.5, -0.5), (edge, -0.5), (-0.5, edge), (edge, edge)])
    left, top = np.floor(corners.min(0)).astype(int).clip(0)
    right, bottom = np.ceil(corners.max(0)).astype(int) + 1
    return int(left), int(top), int(min(right, width)), int(min(bottom, height))


def crop_coordinates(to_crop: Matrix, crop: int, box: Box, device: torch.device) -> Tensor:
    """(2, h, w): x and y of the box's pixels in the crop, whose centre is 0 and whose edges +-1."""
    left, top, right, bottom = box
    x = torch.arange(left, right, dtype=torch.float32, device=device)
    y = torch.arange(top, bottom, dtype=torch.float32, device=device)[:, None]
    return torch.stack(
        [(a * x + b * y + (c + 0.5)) * (2 / crop) - 1 for a, b, c in to_crop.tolist()]
    )


def border_fade(coordinates: Tensor) -> Tensor:
    """(1, h, w) from 1 inside the crop to exactly 0 at its border and outside.

    Args:
        coordinates: (2, h, w), see `crop_coordinates`.
    """
    to_border = (1 - coordinates.abs()).amin(0, keepdim=True)
    return smoothstep(to_border / (2 * BORDER))


def picture_fade(box: Box, picture: Box, device: torch.device) -> Tensor:
    """(1, h, w) for the pixels of a box: 1 inside the picture, less within PICTURE_BORDER of its
    border, and 0 outside."""
    left, top, right, bottom = box
    x = torch.arange(left, right, device=device) + 0.5
    y = torch.arange(top, bottom, device=device)[:, None] + 0.5
    across = torch.minimum(x - picture[0], picture[2] - x)
    down = torch.minimum(y - picture[1], picture[3] - y)
    return (torch.minimum(across, down) / PICTURE_BORDER).clamp(0, 1)[None]


def own_share(coordinates: Tensor, others: list[Tensor]) -> Tensor:
    """(1, h, w): 1 on the face's side of the line to its neighbours, 0 on theirs.

    Without it the crop of one face, which shows its neighbours too, would overwrite them.

    Args:
        coordinates: (2, h, w) of the face.
        others: the same pixels in the coordinates of each neighbour's crop.
    """
    share = torch.ones_like(coordinates[:1])
    for other in others:
        lead = _from_centre(other) - _from_centre(coordinates)
        share = share * smoothstep(0.5 + lead / (2 * BORDER))
    return share


def keep_colour(original: Tensor, change: Tensor, weight: Tensor) -> Tensor:
    """Restored pixels whose mean colour, over the blended face, is the original's.

    Values leave [0, 1] no further than the original's do.

    Args:
        original: (3, h, w) pixels of the picture.
        change: (3, h, w), what the network would add to them.
        weight: (1, h, w) of the blend.

    Returns:
        (3, h, w).
    """
    low, high = original.clamp(max=0), original.clamp(min=1)
    weights = weight.flatten()
    moved = original + change - _ratio(change.flatten(1) @ weights, weights.sum())
    for _ in range(4):  # Newton's method: clamping shifts the mean again
        free = ((low < moved) & (moved < high)).flatten(1).to(weights.dtype) @ weights
        shift = _ratio((moved.clamp(low, high) - original).flatten(1) @ weights, free)
        moved -= shift
        if shift.abs().max() < _SETTLED:
            break
    return moved.clamp(low, high)


def _ratio(sums: Tensor, of: Tensor) -> Tensor:
    return (sums / of.clamp(min=1e-6))[:, None, None]


def _from_centre(coordinates: Tensor) -> Tensor:
    return coordinates.square().sum(0, keepdim=True).sqrt()


def smoothstep[T: (float, Tensor)](x: T) -> T:
    """From 0, for x of at most 0, to 1, for x of at least 1, without a kink."""
    x = x.clamp(0, 1) if isinstance(x, Tensor) else min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)
