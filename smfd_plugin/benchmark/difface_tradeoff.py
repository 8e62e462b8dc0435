"""DifFace between fidelity and realism: `python -m smfd_plugin.benchmark.difface_tradeoff`.

The same faces restored from several steps N of the diffusion, with several eta, by a DifFace and by
the same one with SMFD-UNet as its estimator (arXiv 2212.06512). Everything happens at the size of
the diffusion model: sharp faces of 256 pixels are blurred by a fixed list of scenarios, then both
pictures of a pair are shrunk to that size by areas.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, product
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from basicsr.metrics import calculate_psnr
from matplotlib.figure import Figure
from torch import Tensor, nn
from tqdm import tqdm

from smfd_plugin.benchmark.datasets import Sample, blurred, pick_evenly
from smfd_plugin.benchmark.methods import weights_digest
from smfd_plugin.data.pictures import Picture
from smfd_plugin.data.tensors import from_tensor, to_tensor
from smfd_plugin.diffusion import DifFace, restore, seeded_noise
from smfd_plugin.diffusion.schedule import TRAINED_STEPS
from smfd_plugin.metrics import calculate_identity, calculate_lpips
from smfd_plugin.restore.network import half_dtype, pick_device
from smfd_plugin.weights import load_network

BLUR_SIZE = 256
"""Pixels of the faces as they are blurred, what the scenarios are made for."""

BATCH = 16
BLURRY = "blurry"
OURS = "SMFD-UNet"
PSNR = "PSNR, dB"
SHOWN = 3
"""Faces in the figure."""

Measures = dict[str, Callable[[Picture, Picture], float]]
"""From a restored and a sharp face to a score."""


class Run(NamedTuple):
    """One way to restore.

    Attributes:
        estimator: its name; BLURRY: the face as it was given.
        start: N, of the 1,000 steps; 0: the estimate alone.
        eta: of DDIM; None: the estimate alone.
    """

    estimator: str
    start: int = 0
    eta: float | None = None


def load_pairs(dataroot: str, scenarios: str, size: int, count: int) -> list[Sample]:
    """Pairs of a fixed set at `size` pixels, `count` of them spread evenly over it.

    Raises:
        FileNotFoundError: no faces, or no such list of scenarios.
    """
    entries = blurred(dataroot=dataroot, size=BLUR_SIZE, scenarios=scenarios)
    samples = [entry.read() for entry in pick_evenly(entries, count)]
    return [Sample(_shrink(sample.lq, size), _shrink(sample.gt, size)) for sample in samples]


def compared_estimators(own: nn.Module, ours: nn.Module) -> dict[str, nn.Module]:
    """A DifFace's own estimator and SMFD-UNet, by name; one of them, where both are the same."""
    if type(own) is type(ours) and weights_digest(own) == weights_digest(ours):
        return {OURS: ours}
    return {type(own).__name__: own, OURS: ours}


@torch.no_grad()
def restored_faces(
    difface: DifFace,
    estimators: Mapping[str, nn.Module],
    lq: Tensor,
    starts: Sequence[int],
    etas: Sequence[float],
) -> Iterator[tuple[Run, Tensor]]:
    """Restores faces in every way: by each estimator alone, then from each N with each eta.

    Args:
        difface: its prior and its schedule are used.
        estimators: by name.
        lq: (N, 3, S, S) RGB in [0, 1], S the prior's size.
        starts: of the 1,000 steps, multiples of the distance of those that the schedule keeps.
        etas: of DDIM.

    Raises:
        ValueError: a start or an eta that the schedule cannot do.
    """
    spacing = TRAINED_STEPS // difface.schedule.steps
    unknown = [start for start in starts if start % spacing]
    if unknown:
        raise ValueError(f"N is {unknown[0]}; with these weights it can be multiples of {spacing}")
    yield Run(BLURRY), lq
    for name, estimator in estimators.items():
        estimate = estimator(lq).float().clamp(0, 1)
        yield Run(name), estimate
        for start, eta in product(starts, etas):
            faces = restore(
                estimate,
                nn.Identity(),
                difface.prior,
                difface.schedule,
                start // spacing,
                eta,
                seeded_noise([0] * len(lq)),
            )
            yield Run(name, start, eta), faces


def compare(
    pairs: Sequence[Sample],
    restorations: Callable[[Tensor], Iterable[tuple[Run, Tensor]]],
    measures: Measures,
) -> tuple[dict[Run, dict[str, float]], dict[Run, list[Picture]]]:
    """Restores pairs in batches and scores them.

    Args:
        pairs: blurry and sharp faces of one size.
        restorations: gives a batch of blurry faces restored in every way.
        measures: by name.

    Returns:
        The means over the pairs, by run and by metric, and the faces themselves by run.
    """
    faces: dict[Run, list[Picture]] = {}
    with tqdm(total=len(pairs), unit="pair") as progress:
        for first in range(0, len(pairs), BATCH):
            batch = pairs[first : first + BATCH]
            lq = torch.cat([to_tensor(pair.lq) for pair in batch])
            for run, restored in restorations(lq):
                faces.setdefault(run, []).extend(from_tensor(face[None]) for face in restored)
            progress.update(len(batch))
    sharp = [pair.gt for pair in pairs]
    scores = {
        run: {
            name: float(np.mean(list(map(score, done, sharp)))) for name, score in measures.items()
        }
        for run, done in faces.items()
    }
    return scores, faces


def tradeoff_figure(
    scores: Mapping[Run, Mapping[str, float]], columns: Mapping[str, Sequence[Picture]]
) -> Figure:
    """Each metric against N, with one line for each estimator and eta; below it faces.

    Args:
        scores: means by metric; all runs have the same metrics.
        columns: the faces that each column shows, by its title.
    """
    metrics = list(scores[Run(BLURRY)])
    figure = Figure((12, 6), layout="constrained")
    above, below = figure.subfigures(2, 1)
    names = [run.estimator for run in scores if not run.start and run.estimator != BLURRY]
    for axis, metric in zip(above.subplots(1, len(metrics)), metrics, strict=True):
        axis.axhline(scores[Run(BLURRY)][metric], color="grey", linestyle=":", label=BLURRY)
        for colour, name in enumerate(names):
            etas = sorted({run.eta for run in scores if run.estimator == name and run.start})
            for eta, style in zip(etas, cycle(("-", "--", "-."))):
                runs = [run for run in scores if (run.estimator, run.eta) == (name, eta)]
                axis.plot(
                    [0, *(run.start for run in runs)],
                    [scores[run][metric] for run in (Run(name), *runs)],
                    f"C{colour}{style}",
                    marker=".",
                    label=f"{name}, eta {eta:g}",
                )
        axis.set_xlabel("N of 1,000 steps (0: the estimate alone)")
        axis.set_title(metric)
    axis.legend(fontsize=7)
    rows = len(next(iter(columns.values())))
    grid = below.subplots(rows, len(columns), squeeze=False)
    for column, (title, shown) in zip(grid.T, columns.items(), strict=True):
        column[0].set_title(title, fontsize=7)
        for axis, face in zip(column, shown, strict=True):
            axis.imshow(face[..., ::-1], interpolation="lanczos")
            axis.set_axis_off()
    return figure


def shown_columns(
    faces: Mapping[Run, Sequence[Picture]], sharp: Sequence[Picture], eta: float
) -> dict[str, list[Picture]]:
    """SHOWN faces, spread evenly, of the runs with this eta and of the estimates alone."""
    columns = {
        f"{run.estimator}\nN = {run.start}" if run.start else f"{run.estimator}\n": pictures
        for run, pictures in faces.items()
        if run.eta in (None, eta)
    }
    columns["sharp\n"] = sharp
    return {title: pick_evenly(pictures, SHOWN) for title, pictures in columns.items()}


def print_table(scores: Mapping[Run, Mapping[str, float]], count: int) -> None:
    """In Markdown."""
    metrics = list(scores[Run(BLURRY)])
    print(f"| {count} pairs | N | eta | {' | '.join(metrics)} |")
    print("|---" * (3 + len(metrics)) + "|")
    for run, means in scores.items():
        cells = [run.estimator, str(run.start or ""), "" if run.eta is None else f"{run.eta:g}"]
        cells += [f"{means[name]:.{2 if name == PSNR else 3}f}" for name in metrics]
        print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Prints a table in Markdown and draws the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="a DifFace, see smfd_plugin.weights")
    add("--faces", default="datasets/val100", help="sharp faces (%(default)s)")
    add("--scenarios", default="val100", help="list of their blur (%(default)s)")
    add("--pairs", type=int, default=100, help="how many, spread evenly (%(default)s)")
    add("--starts", type=int, nargs="+", default=[50, 100, 200, 400], help="N (%(default)s)")
    add("--etas", type=float, nargs="+", default=[0.0, 0.5, 1.0], help="eta (%(default)s)")
    add("--lpips", type=Path, help="AlexNet's convolutions (default: downloaded)")
    add("--identity", type=Path, help="ArcFace-style ONNX file (default: not measured)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (%(default)s)")
    add("--half", action="store_true", help="16 bit arithmetic, where the device is faster so")
    add("-o", "--output", type=Path, default=Path("results/difface_tradeoff.jpg"))
    args = parser.parse_args()

    try:
        scores, faces, pairs = _run(args)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        parser.error(str(error))
    print_table(scores, len(pairs))
    columns = shown_columns(faces, [pair.gt for pair in pairs], args.etas[len(args.etas) // 2])
    args.output.parent.mkdir(parents=True, exist_ok=True)
    tradeoff_figure(scores, columns).savefig(args.output, dpi=100)


def _run(
    args: argparse.Namespace,
) -> tuple[dict[Run, dict[str, float]], dict[Run, list[Picture]], list[Sample]]:
    """What `compare` returns, and the pairs."""
    device = pick_device(args.device)
    half = half_dtype(device) if args.half else None
    difface = load_network(args.weights, "difface").to(device)
    estimators = compared_estimators(difface.estimator, load_network().to(device))

    def restorations(lq: Tensor) -> Iterator[tuple[Run, Tensor]]:
        with torch.autocast(device.type, half, enabled=half is not None):
            yield from restored_faces(difface, estimators, lq.to(device), args.starts, args.etas)

    measures: Measures = {
        PSNR: partial(calculate_psnr, crop_border=0),
        "LPIPS": partial(calculate_lpips, backbone=args.lpips),
    }
    if args.identity:
        measures["identity"] = partial(calculate_identity, model=args.identity)
    pairs = load_pairs(args.faces, args.scenarios, difface.size, args.pairs)
    return *compare(pairs, restorations, measures), pairs


def _shrink(picture: Picture, size: int) -> Picture:
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
