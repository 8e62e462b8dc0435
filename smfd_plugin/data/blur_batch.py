"""The blur space on the training device: a batch of faces, each with a scenario of its own."""

from collections.abc import Sequence

import torch
from basicsr.utils.diffjpeg import DiffJPEG
from torch import Tensor
from torch.nn import functional as F

from smfd_plugin.data.blur_space import Scenario
from smfd_plugin.data.light import from_linear, to_linear


@torch.no_grad()
def degrade_batch(images: Tensor, scenarios: Sequence[Scenario]) -> Tensor:
    """Blurs, noises and compresses a batch on its device.

    The kernels are those of Scenario.apply. Noise has the same strength but other draws, and JPEG
    is BasicSR's DiffJPEG, so the bytes differ a little from Scenario.apply; on one device they
    repeat.

    Args:
        images: (N, 3, H, W) float RGB in [0, 1].
        scenarios: N of them; their kernels' radius must be smaller than H and W.

    Returns:
        (N, 3, H, W), rounded to multiples of 1/255.
    """
    blurry = _to_8_bit(blur_batch(images, scenarios))
    camera = torch.tensor([scenario.order == "noise-jpeg" for scenario in scenarios])
    noise = _noise(blurry, scenarios)
    camera = camera.to(images.device)[:, None, None, None]
    compressed = _compress(_to_8_bit(blurry + noise * camera), scenarios)
    return _to_8_bit(compressed + noise * ~camera)


def blur_batch(images: Tensor, scenarios: Sequence[Scenario]) -> Tensor:
    """The blur alone, by FFT, with mirrored borders; shapes and ranges as in degrade_batch."""
    kernels = [scenario.kernel() for scenario in scenarios]
    radius = max(kernel.shape[0] for kernel in kernels) // 2
    stack = torch.stack(
        [F.pad(torch.from_numpy(k), [radius - k.shape[0] // 2] * 4) for k in kernels]
    ).to(images.device)
    padded = F.pad(images.float(), [radius] * 4, mode="reflect")
    linear = [scenario.light == "linear" for scenario in scenarios]
    padded[linear] = to_linear(padded[linear])
    height, width = padded.shape[-2:]
    spectrum = torch.fft.rfft2(padded) * torch.fft.rfft2(stack, (height, width))[:, None]
    # The kernel lies in the array's corner, so the result is shifted by its radius.
    blurry = torch.fft.irfft2(spectrum, (height, width))[..., 2 * radius :, 2 * radius :]
    blurry[linear] = from_linear(blurry[linear].clamp(0, 1))
    return blurry


def _noise(images: Tensor, scenarios: Sequence[Scenario]) -> Tensor:
    generator = torch.Generator(images.device)
    noise = torch.zeros_like(images)
    for sample, scenario in zip(noise, scenarios, strict=True):
        if scenario.noise:
            generator.manual_seed(scenario.seed)
            sample.normal_(0, scenario.noise / 255, generator=generator)
    return noise


def _compress(images: Tensor, scenarios: Sequence[Scenario]) -> Tensor:
    quality = torch.tensor([float(scenario.jpeg) for scenario in scenarios], device=images.device)
    lossy = quality > 0
    if not lossy.any():
        return images
    jpeg = DiffJPEG(differentiable=False).to(images.device)
    result = images.clone()
    result[lossy] = jpeg(images[lossy], quality=quality[lossy])
    return result


def _to_8_bit(images: Tensor) -> Tensor:
    return (images.clamp(0, 1) * 255).round() / 255
