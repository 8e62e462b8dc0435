"""Parts of frames as tensors, and faces in their coordinates."""

from collections.abc import Sequence

import numpy as np
import torch
import vapoursynth as vs
from torch import Tensor

from smfd_plugin.restore import Detection, faces_region
from smfd_plugin.restore.align import Box
from smfd_plugin.vapoursynth.properties import BOX, TRANSFER
from smfd_plugin.vapoursynth.transfer import from_sdr, to_sdr

PLACES = 8
"""Latest parts of the picture for which filters are kept."""

_ROOM, _GRID = 16, 32
"""Pixels; no less than the filter taps of a chroma sample that stands for 4 x 4 pixels."""

Size = tuple[int, int]
"""Height and width."""


def cut_out(frame: vs.VideoFrame, box: Box) -> Tensor:
    """A part of the picture as SDR, copied.

    Args:
        frame: RGBS, with the property TRANSFER if its values are others; the whole picture, or the
            part of it that its property BOX names.
        box: left, top, right, bottom in the picture, the last two exclusive.

    Returns:
        (3, bottom - top, right - left).
    """
    x, y, *_ = frame.props.get(BOX, (0, 0))
    left, top, right, bottom = box
    rows, columns = slice(top - y, bottom - y), slice(left - x, right - x)
    part = np.stack([np.asarray(plane)[rows, columns] for plane in frame])
    return to_sdr(torch.from_numpy(part), frame.props.get(TRANSFER))


def cut_luma(frame: vs.VideoFrame, box: Box) -> Tensor:
    """Luma, or green, of a part of a frame of any format, copied.

    Args:
        frame: the whole picture.
        box: left, top, right, bottom, the last two exclusive.

    Returns:
        (1, bottom - top, right - left) float32 in the format's own scale.
    """
    left, top, right, bottom = box
    plane = np.asarray(frame[1 if frame.format.color_family == vs.RGB else 0])
    return torch.from_numpy(plane[top:bottom, left:right].astype(np.float32))[None]


def change_frame(
    before: Tensor, after: Tensor, box: Box, transfer: int | None = None
) -> vs.VideoFrame:
    """An RGBS frame of what has to be added to a part of the picture, whose place its property BOX
    names.

    Args:
        before: (3, h, w) SDR, see `cut_out`.
        after: the same.
        box: its place.
        transfer: the transfer characteristics of what the result is added to, see `to_sdr`.
    """
    height, width = before.shape[1:]
    before, after = from_sdr(before, transfer), from_sdr(after, transfer)
    frame = vs.core.create_video_frame(vs.core.get_video_format(vs.RGBS), width, height)
    for plane, (old, new) in enumerate(zip(before.numpy(), after.numpy(), strict=True)):
        np.subtract(new, old, out=np.asarray(frame[plane]))
    frame.props[BOX] = box
    return frame


def paste(frame: vs.VideoFrame, part: vs.VideoFrame, corner: tuple[int, int]) -> None:
    """Writes a part back into a frame that may be written to.

    Args:
        frame: of any format.
        part: of the same format.
        corner: x and y of the part's first pixel, whole in every plane.
    """
    form, (left, top) = frame.format, corner
    for plane in range(form.num_planes):
        x = left >> form.subsampling_w if plane else left
        y = top >> form.subsampling_h if plane else top
        values = np.asarray(part[plane])
        height, width = values.shape
        np.asarray(frame[plane])[y : y + height, x : x + width] = values


def widened(box: Box, picture: Size) -> Box:
    """A box with room around, so that chroma can be resampled within it, and with edges on a coarse
    grid, so that neighbouring frames share it.

    Args:
        box: left, top, right, bottom, the last two exclusive.
        picture: its size, which the result keeps within.
    """
    low = [(edge - _ROOM) // _GRID * _GRID for edge in box[:2]]
    high = [-(-(edge + _ROOM) // _GRID) * _GRID for edge in box[2:]]
    return max(low[0], 0), max(low[1], 0), min(high[0], picture[1]), min(high[1], picture[0])


def surroundings(faces: Sequence[Detection], picture: Size) -> Box | None:
    """The widened part of the picture that restoring the faces looks at; None if there is none."""
    box = faces_region(faces, picture)
    return box and widened(box, picture)


def within(content: Box, box: Box) -> Box:
    """What a part of the picture, the box, shows of the content, in coordinates of the part; all of
    it where it shows nothing."""
    x, y, *_ = box
    width, height = box[2] - x, box[3] - y
    left, top = max(content[0] - x, 0), max(content[1] - y, 0)
    right, bottom = min(content[2] - x, width), min(content[3] - y, height)
    return (left, top, right, bottom) if left < right and top < bottom else (0, 0, width, height)


def moved(face: Detection, corner: tuple[int, int]) -> Detection:
    """A face of the frame in the coordinates of a part that begins at the corner (x, y)."""
    shift = np.array(corner, np.float32)
    return Detection(face.box - np.tile(shift, 2), face.landmarks - shift, face.score)
