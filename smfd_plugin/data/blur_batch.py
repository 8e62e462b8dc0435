"""The blur space on the training device: a batch of faces, each with a scenario of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import default_collate
from torchvision.transforms.functional import center_crop

from smfd_plugin.data import jpeg, noise
from smfd_plugin.data.enlarge import INTERPOLATIONS, resize_batch, shrunk_size
from smfd_plugin.data.kernels import IDENTITY, fit_kernel
from smfd_plugin.data.scenario import Scenario
from smfd_plugin.data.srgb import from_linear, to_linear


def degrade_batch(images: Tensor, scenarios: Sequence[Scenario]) -> Tensor:
    """Scenario.apply for a batch on its device; beyond their edges pictures go on mirrored.

    The kernels are those of Scenario.apply. Noise has the same strength but other draws, and JPEG
    is computed on the device, so the bytes differ a little from Scenario.apply; on one device they
    repeat.

    Args:
        images: (N, 3, H, W) float RGB in [0, 1].
        scenarios: N of them; their kernels' radius must be smaller than H and W.

    Returns:
        (N, 3, H, W), rounded to multiples of 1/255.

    Raises:
        ValueError: pictures of whole numbers.
    """
    if not images.is_floating_point():
        raise ValueError(f"degrade_batch takes float pictures in [0, 1], not {images.dtype}")
    reach = max(scenario.kernel().shape[0] for scenario in scenarios) // 2
    surroundings = F.pad(images.float(), [reach] * 4, mode="reflect")
    described = [describe(scenario, reach) for scenario in scenarios]
    return degrade_inside(surroundings, default_collate(described), images.shape[-2:])


def describe(scenario: Scenario | None, reach: int) -> dict[str, Any]:
    """A scenario as numbers that a data loader stacks, so that the device has only to compute.

    Args:
        scenario: None: no degradation at all.
        reach: pixels, at least the radius of the scenario's kernel.

    Returns:
        `kernel` (2 * reach + 1, 2 * reach + 1) float32, `linear` bool, `noise` float, `jpeg` int,
        `noise_first` bool, `seed` int, `shrink` and `grain` float as in Scenario, `grey` bool (the
        noise), and `interpolation`, OpenCV's number of it, 0 where nothing is enlarged.

    Raises:
        ValueError: a kernel that reaches further.
    """
    kernel = IDENTITY if scenario is None else scenario.kernel()
    enlarged = scenario is not None and scenario.shrink != 1
    size = 2 * reach + 1
    if kernel.shape[0] > size:
        raise ValueError(f"a kernel of {kernel.shape[0]} pixels reaches further than {size}")
    return {
        "kernel": torch.from_numpy(fit_kernel(kernel, size)),
        "linear": scenario is not None and scenario.light == "linear",
        "noise": scenario.noise if scenario else 0.0,
        "jpeg": scenario.jpeg if scenario else 0,
        "noise_first": scenario is not None and scenario.order == "noise-jpeg",
        "seed": scenario.seed if scenario else 0,
        "shrink": scenario.shrink if scenario else 1.0,
        "interpolation": INTERPOLATIONS[scenario.interpolation] if enlarged else 0,
        "grain": scenario.grain if scenario else 0.0,
        "grey": scenario is not None and scenario.noise_colour == "grey",
    }


@torch.no_grad()
def degrade_inside(
    surroundings: Tensor,
    degradations: Mapping[str, Tensor],
    size: tuple[int, int],
    grid: tuple[int, int] = (0, 0),
) -> Tensor:
    """`degrade_batch` for crops that are given with a margin of the pixels around them.

    Args:
        surroundings: (N, 3, H + 2 * margin, W + 2 * margin) float RGB in [0, 1], the margin no
            smaller than the `reach` that `describe` was given; the rest of it is what shrinking and
            enlarging see around a crop.
        degradations: what `describe` gives for each of them, stacked.
        size: H and W of the crops.
        grid: pixels, rows and columns, by which JPEG's blocks begin above and left of the crops
            that are not enlarged. A network that always sees them in one place learns the place.

    Returns:
        (N, 3, H, W), rounded to multiples of 1/255.
    """
    blurry = blur_inside(surroundings, degradations["kernel"], degradations["linear"])
    result = blurry.new_empty(*blurry.shape[:2], *size)
    ways = torch.stack((degradations["shrink"], degradations["interpolation"]), 1)
    for way in ways.unique(dim=0):
        chosen = (ways == way).all(1)
        those = {name: values[chosen] for name, values in degradations.items()}
        there = chosen.to(blurry.device)
        factor, interpolation = way.tolist()
        if factor == 1:
            result[there] = _add_noise_and_jpeg(center_crop(blurry[there], size), those, grid)
        else:
            wide = _enlarged(blurry[there], those, factor, int(interpolation))
            result[there] = center_crop(wide, size)
    return result


def _enlarged(
    images: Tensor, degradations: Mapping[str, Tensor], factor: float, interpolation: int
) -> Tensor:
    """Shrunk, with noise and JPEG at that size, and enlarged again."""
    size = images.shape[-2:]
    smaller = tuple(shrunk_size(side, factor) for side in size)
    small = resize_batch(images, smaller, cv2.INTER_AREA)
    stored = _add_noise_and_jpeg(small, degradations, (0, 0))
    return _to_8_bit(resize_batch(stored, size, interpolation))


def _add_noise_and_jpeg(
    images: Tensor, degradations: Mapping[str, Tensor], grid: tuple[int, int]
) -> Tensor:
    images = _to_8_bit(images)
    added = _noise(images, degradations)
    first = degradations["noise_first"].to(images.device)[:, None, None, None]
    compressed = _compress(_to_8_bit(images + added * first), degradations["jpeg"], grid)
    return _to_8_bit(compressed + added * ~first)


def blur_inside(surroundings: Tensor, kernels: Tensor, linear: Tensor) -> Tensor:
    """The blur alone, by FFT, not rounded: shapes as in degrade_inside, `kernels` and `linear` as
    `describe` gives them, stacked."""
    image = surroundings.clone()
    image[linear] = to_linear(image[linear])
    size = image.shape[-2:]
    spectrum = torch.fft.rfft2(kernels.to(image.device), size)[:, None]
    # The kernel lies in the array's corner, so the result is shifted by its radius, and what has
    # wrapped around lies before it.
    margin = kernels.shape[-1] - 1
    blurry = torch.fft.irfft2(torch.fft.rfft2(image) * spectrum, size)[..., margin:, margin:]
    blurry[linear] = from_linear(blurry[linear].clamp(0, 1))
    return blurry


def _noise(images: Tensor, degradations: Mapping[str, Tensor]) -> Tensor:
    added = torch.zeros_like(images)
    names = ("noise", "seed", "grain", "grey")
    values = zip(*(degradations[name].tolist() for name in names), strict=True)
    for sample, (strength, *drawn) in zip(added, values, strict=True):
        if strength:
            sample += strength / 255 * noise.draw_like(sample, *drawn)
    return added


def _compress(images: Tensor, qualities: Tensor, grid: tuple[int, int]) -> Tensor:
    height, width = images.shape[-2:]
    top, left = grid
    # To whole blocks of 16 by repeating the edges, as libjpeg does.
    margins = (left, -(left + width) % 16, top, -(top + height) % 16)
    result = F.pad(images, margins, mode="replicate")
    for quality in qualities.unique().tolist():
        if quality:
            chosen = (qualities == quality).nonzero()[:, 0].to(images.device)
            result[chosen] = jpeg.compress(result[chosen], quality)
    return result[..., top : top + height, left : left + width]


def _to_8_bit(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round() / 255
