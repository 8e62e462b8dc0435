"""How steady restored faces are: `python -m smfd_plugin.benchmark.flicker`.

Sharp portraits move along a known path, each frame blurred and noised by a scenario of its own. In
the portrait's own coordinates a perfect restoration stands still; what changes over time flickers.
Beside smfd.Deblur runs the loop over facexlib's FaceRestoreHelper with the same network.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from smfd_plugin.benchmark.helper_loop import helper_loop
from smfd_plugin.benchmark.moving_faces import (
    Picture,
    SwayingPortraits,
    from_clip,
    load_portraits,
    make_film,
    to_clip,
)
from smfd_plugin.benchmark.stages import Stopwatch
from smfd_plugin.restore import make_detector, pick_device
from smfd_plugin.vapoursynth import deblur
from smfd_plugin.weights import load_network

_SIZE = 640
"""Side of the frame, in pixels; the portrait's is half."""

_FACE = np.s_[136:416, 136:376]
"""The face in a portrait of 512 pixels, without the hair."""


def stabilise(frames: list[Picture], film: SwayingPortraits) -> NDArray[np.float32]:
    """(T, h, w, 3) of the first face in its portrait's coordinates."""
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.stack(
        [
            cv2.warpAffine(frame, matrix, (512, 512), flags=how)[_FACE].astype(np.float32)
            for frame, (matrix, *_) in zip(frames, film.to_frame, strict=True)
        ]
    )


def flicker(faces: NDArray[np.float32]) -> float:
    """How much values, which are 0 to 255, change over time: their standard deviation, the mean
    over all pixels and colours."""
    return float(faces.std(0).mean())


def psnr(faces: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Mean over the frames, in dB."""
    errors = np.square(faces - truth).mean((1, 2, 3))
    return float((10 * np.log10(255**2 / errors)).mean())


def compare(film: SwayingPortraits, device: str) -> dict[str, tuple[float, float]]:
    """Flicker and PSNR of the face by method; `blurry` is the input."""
    place = pick_device(device)
    net, detect = load_network().to(place), make_detector("auto", place)
    clip = to_clip(film.blurry)
    results = {
        "sharp": film.sharp,
        "blurry": from_clip(clip),
        "FaceRestoreHelper": from_clip(helper_loop(clip, net, detect, Stopwatch())),
        "smfd.Deblur, temporal=0": from_clip(deblur(clip, device=device, temporal=0)),
        "smfd.Deblur": from_clip(deblur(clip, device=device)),
    }
    truth = stabilise(film.sharp, film)
    stable = {name: stabilise(frames, film) for name, frames in results.items()}
    return {name: (flicker(faces), psnr(faces, truth)) for name, faces in stable.items()}


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--portraits", type=Path, help="folder of aligned portraits (scikit-image's)")
    add("--skip", type=int, default=0, help="portraits of the folder to leave out first (0)")
    add("--clips", type=int, default=4, help="how many portraits, each in a clip of its own (4)")
    add("--frames", type=int, default=24, help="of each clip (24)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    args = parser.parse_args()
    rows: dict[str, list[tuple[float, float]]] = {}
    try:
        pick_device(args.device)
        portraits = load_portraits(args.portraits, args.clips, args.skip)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for seed, portrait in enumerate(tqdm(portraits, unit="clip")):
        film = make_film([portrait], _SIZE, _SIZE, _SIZE // 2, args.frames, seed)
        for name, scores in compare(film, args.device).items():
            rows.setdefault(name, []).append(scores)
    print("| method | flicker, of 255 | part of the loop's | PSNR dB |\n|---|---|---|---|")
    means = {name: np.mean(scores, 0) for name, scores in rows.items()}
    for name, (wobble, quality) in means.items():
        part = wobble / means["FaceRestoreHelper"][0]
        print(f"| {name} | {wobble:.2f} | {part:.0%} | {quality:.2f} |")


if __name__ == "__main__":
    main()
