"""Parts of frames as tensors, and faces in their coordinates."""

import numpy as np
import torch
import vapoursynth as vs
from torch import Tensor

from smfd_plugin.restore import Detection
from smfd_plugin.restore.faces import Box


def cut_out(frame: vs.VideoFrame, box: Box) -> Tensor:
    """A part of a frame of 32 bit float, copied.

    Args:
        frame: RGBS (C = 3) or GRAYS (C = 1).
        box: left, top, right, bottom, the last two exclusive.

    Returns:
        (C, bottom - top, right - left).
    """
    left, top, right, bottom = box
    return torch.from_numpy(
        np.stack([np.asarray(plane)[top:bottom, left:right] for plane in frame])
    )


def paste(frame: vs.VideoFrame, box: Box, image: Tensor) -> None:
    """Writes the part back into a frame that may be written to."""
    left, top, right, bottom = box
    for plane, values in enumerate(image.numpy()):
        np.asarray(frame[plane])[top:bottom, left:right] = values


def moved(face: Detection, corner: tuple[int, int]) -> Detection:
    """A face of the frame in the coordinates of a part that begins at the corner (x, y)."""
    shift = np.array(corner, np.float32)
    return Detection(face.box - np.tile(shift, 2), face.landmarks - shift, face.score)
