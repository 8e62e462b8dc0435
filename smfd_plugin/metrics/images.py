"""What the metrics do with a pair of pictures before they measure it."""

import numpy as np
from basicsr.metrics.metric_util import reorder_image
from numpy.typing import NDArray


def prepare_pair(
    img: NDArray, img2: NDArray, crop_border: int, input_order: str
) -> tuple[NDArray, NDArray]:
    """Checks two pictures and cuts their border off, by the conventions of BasicSR's own metrics.

    Args:
        img: BGR in [0, 255], (H, W, 3) or, by `input_order`, (3, H, W).
        img2: the same shape.
        crop_border: pixels to leave out along each edge.
        input_order: `HWC` or `CHW`.

    Returns:
        Both as (H, W, 3).

    Raises:
        ValueError: shapes that differ or are no colour picture's.
    """
    if img.shape != img2.shape:
        raise ValueError(f"pictures of different shapes: {img.shape} and {img2.shape}")
    pair = [reorder_image(np.asarray(each), input_order=input_order) for each in (img, img2)]
    if pair[0].ndim != 3 or pair[0].shape[2] != 3:
        raise ValueError(f"a colour picture has three channels, not the shape {img.shape}")
    if crop_border:
        inside = np.s_[crop_border:-crop_border, crop_border:-crop_border]
        pair = [each[inside] for each in pair]
    return pair[0], pair[1]
