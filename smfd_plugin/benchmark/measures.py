"""The metrics: what is measured per sample, and how a score is made of it."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from basicsr.metrics import calculate_metric
from basicsr.utils.registry import METRIC_REGISTRY
from numpy.typing import NDArray

from smfd_plugin.benchmark.arguments import arguments
from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.fid import distance, inception
from smfd_plugin.benchmark.intervals import Finish
from smfd_plugin.data.mask_classes import CLASSES
from smfd_plugin.data.pictures import Picture
from smfd_plugin.data.tensors import to_tensor
from smfd_plugin.metrics import LOWER_IS_BETTER, confusion_matrix, mean_iou
from smfd_plugin.restore.method import MasksAlone, check_classes
from smfd_plugin.restore.network import pick_device
from smfd_plugin.restore.sizes import run_aligned
from smfd_plugin.weights import load_network
from smfd_plugin.weights.files import find

NIQE_BLOCK = 96
"""Side in pixels of the parts of a picture that BasicSR's NIQE compares; it needs two of them."""


@dataclass(frozen=True)
class Measure:
    """A metric, ready to measure.

    Attributes:
        measure: from a restored face, (S, S, 3) uint8 BGR, and its sample to a number or array; the
            score is made of their mean.
        finish: makes the score of the mean.
        needs: `gt`, `mask` or nothing; samples without it are not measured.
        lower: a lower score is better.
        weights: file of the network that it looks with, where the options need not name it.
    """

    measure: Callable[[Picture, Sample], float | NDArray]
    finish: Finish = float
    needs: str | None = "gt"
    lower: bool = False
    weights: Path | None = None

    def applies_to(self, sample: Sample) -> bool:
        """Whether the sample has what the metric needs."""
        return self.needs is None or getattr(sample, self.needs) is not None


@dataclass(frozen=True)
class SetMeasure:
    """A metric of all faces together, such as FID.

    Attributes:
        measure: from (restored, sharp) pairs of (S, S, 3) uint8 BGR to the score; None: too few.
        lower: a lower score is better.
        weights: as Measure's.
    """

    measure: Callable[[Iterable[tuple[Picture, Picture]]], float | None]
    lower: bool = True
    weights: Path | None = None


def build_measure(options: Mapping[str, Any]) -> Measure | SetMeasure:
    """The metric that an entry of `metrics` describes.

    Args:
        options: `type`: one of OWN_METRICS, or any that is registered with BasicSR, with its own
            options; one whose function has no parameter `img2` needs no sharp face.
    """
    kind = options["type"]
    if kind in OWN_METRICS:
        return OWN_METRICS[kind](**arguments(options))
    lower = options.get("better") == "lower" or kind in LOWER_IS_BETTER
    if "img2" not in inspect.signature(implementation(kind)).parameters:
        return Measure(lambda image, _: _without_truth(image, options), needs=None, lower=lower)
    return Measure(
        lambda image, sample: _registered({"img": image, "img2": sample.gt}, options), lower=lower
    )


def _registered(pictures: Mapping[str, Picture], options: Mapping[str, Any]) -> float:
    """What a metric that is registered with BasicSR gives. Raises ValueError if that is not one
    number."""
    value = calculate_metric(pictures, options)
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:  # the last is PyTorch's
        raise ValueError(f"{options['type']} gives {value!r}, which is not one number") from error


def _without_truth(image: Picture, options: Mapping[str, Any]) -> float:
    """What a metric that needs no sharp face gives. Raises ValueError for a picture that is too
    small for NIQE, on which BasicSR fails with a message of linear algebra."""
    if options["type"] == "calculate_niqe":
        height, width = (side - 2 * options.get("crop_border", 0) for side in image.shape[:2])
        if (height // NIQE_BLOCK) * (width // NIQE_BLOCK) < 2:
            raise ValueError(
                f"NIQE needs two blocks of {NIQE_BLOCK}x{NIQE_BLOCK} pixels; a picture of "
                f"{width}x{height} (without its crop_border) is too small"
            )
    return _registered({"img": image}, options)


def mask_miou(*, weights: str | None = None) -> Measure:
    """How well one mask generator finds the parts of a face in what a method makes: mean
    intersection over union with the true masks, over all samples together.

    For `input` it is the score of the mask generator on blurry faces.

    Args:
        weights: of the SMFDUNet whose mask generator draws; None: the shipped ones.

    Raises:
        WeightsError: weights that cannot be used or draw other masks than those of CLASSES.
    """
    path = find(weights)
    net = load_network(path)
    check_classes(net, weights)

    def measure(image: Picture, sample: Sample) -> NDArray:
        predicted = run_aligned(MasksAlone(net), to_tensor(image))[1][0].argmax(0)
        truth = torch.from_numpy(sample.mask.astype(np.int64))
        return confusion_matrix(predicted, truth, len(CLASSES)).numpy()

    def finish(mean: NDArray) -> float:
        return mean_iou(torch.from_numpy(np.asarray(mean)))

    return Measure(measure, finish, "mask", weights=path)


def fid(*, weights: str | None = None, device: str = "auto") -> SetMeasure:
    """FID of the restored faces against the sharp ones; arguments and errors as inception's."""
    network = inception(weights, pick_device(device))
    return SetMeasure(lambda pairs: distance(network, pairs))


def part_psnr(*, classes: Sequence[str]) -> Measure:
    """PSNR of some parts of the face alone, RGB, in dB; the mean over the faces that have any.

    Args:
        classes: the parts, of mask_classes.CLASSES.

    Raises:
        ValueError: no class, or one that there is not.
    """
    unknown = set(classes) - set(CLASSES)
    if unknown or not classes:
        raise ValueError(f"part_psnr needs a list of classes, of {', '.join(CLASSES)}")
    numbers = [CLASSES.index(name) for name in classes]

    def measure(image: Picture, sample: Sample) -> NDArray:
        inside = np.isin(sample.mask, numbers)
        if not inside.any():
            return np.zeros(2)
        error = np.square(image[inside].astype(np.float64) - sample.gt[inside]).mean()
        return np.array([np.inf if error == 0 else 10 * np.log10(255**2 / error), 1])

    def finish(mean: NDArray) -> float:
        return float(mean[0] / mean[1]) if mean[1] else math.nan

    return Measure(measure, finish, "mask")


OWN_METRICS: dict[str, Callable[..., Measure | SetMeasure]] = {
    "fid": fid,
    "mask_miou": mask_miou,
    "part_psnr": part_psnr,
}


def implementation(kind: str) -> Callable[..., Any]:
    """The function behind a type of metric: one of OWN_METRICS, or one registered with BasicSR."""
    return OWN_METRICS.get(kind) or METRIC_REGISTRY.get(kind)
