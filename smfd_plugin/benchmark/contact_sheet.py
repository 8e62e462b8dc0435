"""A contact sheet of a film, before and after: `python -m smfd_plugin.benchmark.contact_sheet`."""

import argparse
from pathlib import Path

import cv2
import numpy as np
import vapoursynth as vs

from smfd_plugin.benchmark.moving_faces import from_clip, load_portraits, make_film, to_clip
from smfd_plugin.data.pictures import Picture, write_picture
from smfd_plugin.restore import align
from smfd_plugin.vapoursynth import deblur
from smfd_plugin.vapoursynth.properties import LANDMARKS

_SIDE = 150
"""Of the pictures in the sheet, in pixels."""


def contact_sheet(clip: vs.VideoNode, first: int, count: int, step: int) -> Picture:
    """The largest face of some frames, blurry (upper row) and restored by smfd.Deblur.

    Args:
        clip: YUV in BT.709, each frame of which shows a face.
        first: number of the first frame.
        count: how many frames.
        step: frames from each to the next.

    Returns:
        (300, 150 * count, 3) BGR.

    Raises:
        ValueError: a frame without a face.
    """
    sharp = deblur(clip, sharp_gate=0)
    columns = []
    for n in range(first, first + count * step, step):
        pair = [from_clip(each[n])[0] for each in (clip, sharp)]
        props = sharp.get_frame(n).props
        if LANDMARKS not in props:
            raise ValueError(f"frame {n} shows no face")
        landmarks = np.reshape(props[LANDMARKS], (-1, 5, 2))[0]
        to_sheet = align.picture_to_crop(landmarks, round(_SIDE * 1.6))
        to_sheet[:, 2] -= _SIDE * 0.3
        columns.append([_cut(picture, to_sheet) for picture in pair])
    return np.vstack([np.hstack(row) for row in zip(*columns, strict=True)])


def _cut(picture: Picture, to_sheet: align.Matrix) -> Picture:
    edge = cv2.BORDER_REPLICATE
    return cv2.warpAffine(picture, to_sheet, (_SIDE, _SIDE), flags=cv2.INTER_CUBIC, borderMode=edge)


def main() -> None:
    """Writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("film", type=Path, nargs="?", help="video file (a portrait that sways, each frame blurred)")
    add("-o", "--output", type=Path, default=Path("docs/film.jpg"), help="picture (docs/film.jpg)")
    add("--portraits", type=Path, help="folder of aligned portraits (scikit-image's)")
    add("--first", type=int, default=3, help="number of the first frame (3)")
    add("--count", type=int, default=8, help="how many frames (8)")
    add("--step", type=int, default=1, help="frames from each to the next (1)")
    args = parser.parse_args()
    try:
        if args.film:
            clip = vs.core.bs.VideoSource(str(args.film))
        else:
            length = args.first + args.count * args.step + 3
            film = make_film(load_portraits(args.portraits, 1), 640, 640, 320, length)
            clip = to_clip(film.blurry)
        write_picture(args.output, contact_sheet(clip, args.first, args.count, args.step))
    except (OSError, ValueError, vs.Error) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
