"""A gallery of faces before and after: `python -m smfd_plugin.benchmark.gallery -h`.

Numbers do not show a grotesque face; this is for looking.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from smfd_plugin import FaceDeblurrer
from smfd_plugin.benchmark.datasets import blurred, pick_evenly
from smfd_plugin.data.pictures import Picture, picture_files, read_picture

SIDE = 256
"""Pixels of a side at which sharp faces are blurred; val100's scenarios are made for it."""
WORST = 10
COLUMNS = 5


class Pair(NamedTuple):
    """A face before and after; both (S, S, 3) uint8 BGR.

    Attributes:
        name: what it shows, for the list.
        gain: PSNR of `after` minus that of `before`, dB; None where the sharp face is not known.
    """

    name: str
    before: Picture
    after: Picture
    gain: float | None = None

    def change(self) -> float:
        """PSNR of `after` against `before`, dB: the less, the more was changed."""
        return cv2.PSNR(self.before, self.after)


def blurred_pairs(deblurrer: FaceDeblurrer, folder: Path, count: int) -> Iterator[Pair]:
    """Sharp faces (see FaceFolder), blurred by val100's scenarios: `count`, spread evenly."""
    entries = blurred(dataroot=str(folder), size=SIDE, scenarios="val100")
    for entry in pick_evenly(entries, count):
        sample, kind = entry.read(), entry.scenario.kind
        after = deblurrer.deblur_aligned(sample.lq[None, ..., ::-1])[0, ..., ::-1]
        gain = cv2.PSNR(sample.gt, np.ascontiguousarray(after)) - cv2.PSNR(sample.gt, sample.lq)
        yield Pair(f"{entry.face}, {kind}", sample.lq, np.ascontiguousarray(after), gain)


def found_pairs(deblurrer: FaceDeblurrer, folder: Path) -> Iterator[Pair]:
    """The faces that are found in the pictures of a folder, as they are.

    Raises:
        FileNotFoundError: no picture in it.
        ValueError: a file that is no picture, or two of one name.
    """
    files = picture_files(folder)
    if not files:
        raise FileNotFoundError(f"no pictures in {folder}")
    for name, path in files.items():
        for number, face in enumerate(deblurrer.restore(read_picture(path)).faces):
            pixels = round(float(face.box[3] - face.box[1]))
            yield Pair(f"{name} {number}, {pixels} px", face.crop, face.restored)


def ranked(pairs: Iterable[Pair]) -> list[Pair]:
    """Pairs with the lowest gain first, then those without truth, the most changed first."""
    return sorted(
        pairs,
        key=lambda pair: (pair.gain is None, pair.change() if pair.gain is None else pair.gain),
    )


def sheet(pairs: Sequence[Pair], numbers: Sequence[int], side: int) -> Picture:
    """Pairs side by side, before on the left, each `side` pixels high and with its number."""
    cells = []
    for pair, number in zip(pairs, numbers, strict=True):
        images = (pair.before, pair.after)
        cell = np.hstack(
            [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in images]
        )
        for thickness, colour in ((3, (0, 0, 0)), (1, (255, 255, 255))):
            place = (3, side - 5)
            cv2.putText(cell, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness)
        cells.append(cell)
    columns = min(COLUMNS, len(cells))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    return np.vstack(rows)


def main() -> None:
    """Writes gallery.jpg and worst.jpg and prints the list in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--faces", type=Path, metavar="DIR", help="sharp aligned faces, blurred here")
    add("--count", type=int, default=30, help="how many of them (%(default)s)")
    add("--pictures", type=Path, metavar="DIR", nargs="+", default=[], help="whole pictures")
    add("--pick", type=int, metavar="N", nargs="+", help=f"the worst by eye (the first {WORST})")
    add("--weights", metavar="FILE", help="file or name of weights (the shipped ones)")
    add("-o", "--output", type=Path, default=Path("results/gallery"), metavar="DIR")
    args = parser.parse_args()
    if not (args.faces or args.pictures):
        parser.error("name --faces, --pictures or both")
    try:
        deblurrer = FaceDeblurrer(args.weights)
        sources = [blurred_pairs(deblurrer, args.faces, args.count)] if args.faces else []
        sources += [found_pairs(deblurrer, folder) for folder in args.pictures]
        pairs = ranked(tqdm((pair for source in sources for pair in source), unit="face"))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    picked = args.pick or range(1, min(WORST, len(pairs)) + 1)
    if not pairs or not set(picked) <= set(range(1, len(pairs) + 1)):
        parser.error(f"--pick takes numbers from 1 to {len(pairs)}, the faces found")
    args.output.mkdir(parents=True, exist_ok=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    everything = sheet(pairs, range(1, len(pairs) + 1), 128)
    cv2.imwrite(str(args.output / "gallery.jpg"), everything, quality)
    worst = sheet([pairs[number - 1] for number in picked], list(picked), 160)
    cv2.imwrite(str(args.output / "worst.jpg"), worst, quality)
    print("| number | face | gain, dB | changed to, dB |\n|---|---|---|---|")
    for number, pair in enumerate(pairs, 1):
        gain = "" if pair.gain is None else f"{pair.gain:+.2f}"
        print(f"| {number} | {pair.name} | {gain} | {pair.change():.1f} |")


if __name__ == "__main__":
    main()
