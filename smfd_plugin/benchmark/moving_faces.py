"""Films whose truth is known: portraits that move along paths over a background."""

from dataclasses import dataclass
from math import pi, sin
from pathlib import Path

import cv2
import numpy as np
import vapoursynth as vs
from numpy.typing import NDArray

from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.pictures import Picture, picture_files, read_picture

_MARGIN = 32
"""Pixels of a portrait over which it fades into the background."""

_PERIOD = 40
"""Frames in which a portrait comes back to where it was."""


@dataclass(frozen=True)
class SwayingPortraits:
    """Portraits in motion.

    Attributes:
        sharp: frames, (H, W, 3) BGR.
        blurry: the same, each degraded by a scenario of its own.
        to_frame: for each frame, each portrait's (2, 3) matrix from the portrait to the frame.
    """

    sharp: list[Picture]
    blurry: list[Picture]
    to_frame: list[list[NDArray[np.float64]]]


def load_portraits(folder: Path | None, count: int, skip: int = 0) -> list[Picture]:
    """Portraits aligned as in FFHQ, (512, 512, 3) BGR, repeated if there are too few.

    Args:
        folder: of pictures; None: the portrait that comes with scikit-image.
        count: how many.
        skip: how many of the folder's to leave out first.

    Raises:
        FileNotFoundError: no picture in the folder.
        ValueError: a file that is no picture, or two of one name.
    """
    if folder is None:
        from skimage import data

        found = [np.ascontiguousarray(data.astronaut()[:256, 96:352, ::-1])]
    else:
        files = [*picture_files(folder).values()]
        found = [read_picture(path) for path in files[skip : skip + count]]
    if not found:
        raise FileNotFoundError(f"no picture in {folder} after the first {skip}")
    return [cv2.resize(found[i % len(found)], (512, 512)) for i in range(count)]


def make_film(
    portraits: list[Picture], width: int, height: int, side: int, length: int, seed: int = 0
) -> SwayingPortraits:
    """Lets the portraits sway in a row.

    Args:
        portraits: (512, 512, 3) BGR.
        width, height: of the frames, in pixels.
        side: of the portraits in the frames, in pixels; a face is about half as wide.
        length: in frames.
        seed: of the degradations.
    """
    rng, space = np.random.default_rng(seed), BlurSpace()
    background = cv2.resize(
        rng.integers(60, 160, (9, 16, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC
    )
    inner = np.zeros((512, 512), np.float32)
    inner[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = 1
    fade = cv2.GaussianBlur(inner, (0, 0), _MARGIN / 3)
    sharp, blurry, paths = [], [], []
    for frame in range(length):
        picture, matrices = background.copy(), []
        for k, portrait in enumerate(portraits):
            centre = ((k + 0.5) * width / len(portraits), height / 2)
            matrix = _path(frame, 2.4 * k, centre, side)
            placed, alpha = (
                cv2.warpAffine(source, matrix, (width, height), flags=cv2.INTER_AREA)
                for source in (portrait, fade)
            )
            picture = picture + alpha[..., None] * (placed.astype(np.float32) - picture)
            matrices.append(matrix)
        sharp.append(picture.round().clip(0, 255).astype(np.uint8))
        blurry.append(space.apply(sharp[-1], space.sample(rng)))
        paths.append(matrices)
    return SwayingPortraits(sharp, blurry, paths)


def to_clip(frames: list[Picture]) -> vs.VideoNode:
    """The (H, W, 3) BGR frames as a clip in YUV420P8 and BT.709, converted once."""
    height, width = frames[0].shape[:2]
    blank = vs.core.std.BlankClip(None, width, height, vs.RGB24, length=len(frames), keep=True)

    def draw(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        for plane in range(3):
            np.copyto(np.asarray(frame[plane]), frames[n][..., 2 - plane])
        return frame

    clip = blank.std.ModifyFrame(blank, draw)
    clip = clip.resize.Bicubic(format=vs.YUV420P8, matrix=vs.MATRIX_BT709)
    made = list(clip.frames())
    still = clip.std.BlankClip(keep=True)
    return still.std.ModifyFrame(still, lambda n, f: made[n])


def from_clip(clip: vs.VideoNode) -> list[Picture]:
    """The way back."""
    rgb = clip.resize.Bicubic(format=vs.RGB24, matrix_in=vs.MATRIX_BT709)
    return [np.stack([np.asarray(plane) for plane in f][::-1], -1) for f in rgb.frames(close=False)]


def _path(frame: int, phase: float, centre: tuple[float, float], side: int) -> NDArray[np.float64]:
    """From the 512 pixel portrait to frame number `frame`."""
    at = 2 * pi * frame / _PERIOD + phase
    scale = side / 512 * (1 + 0.04 * sin(at / 2))
    matrix = cv2.getRotationMatrix2D((255.5, 255.5), 5 * sin(at), scale)
    matrix[:, 2] += np.array(centre) - 255.5 + side * np.array([0.12 * sin(at), 0.05 * sin(2 * at)])
    return matrix
