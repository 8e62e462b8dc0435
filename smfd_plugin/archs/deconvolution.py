"""Blur that is one kernel for the whole face: estimated, then undone in the Fourier domain.

The kernel comes from a quotient of spectra, of the edges of the blurry face and those that a
network predicts of the sharp one, as in "Learning to deblur" (arXiv 1406.7444); here another
network refines it. Spectra are float32 whatever the type of the weights.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.archs.blocks import activation, zeroed

Spectrum = tuple[Tensor, Tensor]
"""Real and imaginary part of a half spectrum (ONNX knows little complex arithmetic)."""

KERNEL_SIZE = 47
"""Side of an estimated kernel, for motion of up to 31 pixels with some lens blur."""

MARGIN = 64
"""Pixels between one edge of a picture and the opposite one, which are neighbours in a spectrum."""

REGULARISATIONS = (1e-3, 1e-2, 1e-1)
"""Regularisation of each least-squares estimate of the kernel, in parts of the mean power."""

WHITENING = 1e-2
"""The same for the autocorrelation of the blurry edges."""


class Deconvolution(nn.Module):
    """Estimates the blur's kernel from a decoder's features, and gives the last stage what the face
    deconvolved with it has to add.

    A deconvolved face has the detail that convolutions do not reach, and rings where the kernel is
    wrong; the last stage chooses. What it adds starts at zero.

    Args:
        in_channels: C of the features at a quarter of the size.
        out_channels: C of the features at half of the size.
        kernel_widths: see KernelEstimator.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_widths: Sequence[int]) -> None:
        super().__init__()
        self.edges = nn.Conv2d(in_channels, 2 * 16, 1)
        self.estimator = KernelEstimator(kernel_widths)
        self.strengths = nn.Parameter(torch.tensor([0.1, 0.5]).log())
        self.stem = zeroed(nn.Conv2d(2 * 3 * 4, out_channels, 1))

    def estimate(self, lq: Tensor, features: Tensor) -> Tensor:
        """Logarithms of the kernels.

        Args:
            lq: (N, 3, H, W) RGB in [0, 1], H and W multiples of 4.
            features: (N, in_channels, H/4, W/4).

        Returns:
            (N, KERNEL_SIZE, KERNEL_SIZE) float32, of kernels with a sum of 1.
        """
        blurry = differences(lq.float().mean(1, keepdim=True))
        sharp = blurry + F.pixel_shuffle(self.edges(features), 4).float()
        return self.estimator(blurry, sharp)

    def forward(self, lq: Tensor, kernel: Tensor) -> Tensor:
        """What deconvolution changes, as features.

        Args:
            lq: (N, 3, H, W) RGB in [0, 1], H and W even.
            kernel: (N, KERNEL_SIZE, KERNEL_SIZE) float32.

        Returns:
            (N, out_channels, H/2, W/2).
        """
        image = lq.float()
        sharp = deconvolve(image, kernel, self.strengths.float().exp())
        change = (sharp - image.repeat(1, len(self.strengths), 1, 1)).clamp(-1, 1)
        return self.stem(F.pixel_unshuffle(change.to(lq.dtype), 2))


class KernelEstimator(nn.Module):
    """The kernel from the edges of the blurry face and from those predicted of the sharp one.

    Args:
        widths: channels of the stages of the UNet that refines these estimates, the first at 48x48,
            each next at half; up to 5.

    Raises:
        ValueError: more stages than 48 can be halved for.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        if len(widths) > 5:
            raise ValueError(f"kernel_widths can be up to 5 numbers, not {len(widths)}")
        inputs = (len(REGULARISATIONS) + 1, *widths[:-1])
        self.encoder = nn.ModuleList(
            _convolutions(before, width) for before, width in zip(inputs, widths, strict=True)
        )
        self.decoder = nn.ModuleList(
            _convolutions(fine + coarse, fine) for fine, coarse in pairwise(widths)
        )
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, blurry: Tensor, sharp: Tensor) -> Tensor:
        """Estimates the kernels.

        Args:
            blurry: (N, 2, H, W) float32 horizontal and vertical differences of the blurry face.
            sharp: the same, predicted of the sharp face.

        Returns:
            (N, KERNEL_SIZE, KERNEL_SIZE) float32 logarithms of kernels of sum 1.
        """
        estimates = kernel_estimates(blurry, sharp).to(self.head.weight.dtype)
        x = F.pad(estimates, (0, 1, 0, 1))
        skips = []
        for block in self.encoder[:-1]:
            x = block(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.encoder[-1](x)
        for block, skip in zip(reversed(self.decoder), reversed(skips), strict=True):
            x = block(torch.cat((F.interpolate(x, scale_factor=2.0), skip), 1))
        # A convolution with one output is divided among threads in ways that round differently.
        logits = (x * self.head.weight[0]).sum(1)[:, :KERNEL_SIZE, :KERNEL_SIZE] + self.head.bias
        # Training starts from the second estimate, scaled so that the softmax keeps only its peaks.
        logits = logits + 8 * estimates[:, 1]
        return logits.float().flatten(1).log_softmax(1).unflatten(1, (KERNEL_SIZE, KERNEL_SIZE))


def differences(image: Tensor) -> Tensor:
    """(N, 2, H, W) horizontal and vertical differences of an (N, 1, H, W) picture, 0 at the end."""
    horizontal = F.pad(image[..., 1:] - image[..., :-1], (0, 1))
    vertical = F.pad(image[..., 1:, :] - image[..., :-1, :], (0, 0, 0, 1))
    return torch.cat((horizontal, vertical), 1)


def kernel_estimates(blurry: Tensor, sharp: Tensor) -> Tensor:
    """First estimates of the kernel, by least squares: one for each of REGULARISATIONS, and the
    autocorrelation of the blurry edges, whitened; each with a maximum of 1.

    Args:
        blurry: (N, 2, H, W) float32 differences of the blurry face.
        sharp: the same of the sharp face.

    Returns:
        (N, len(REGULARISATIONS) + 1, KERNEL_SIZE, KERNEL_SIZE).
    """
    height, width = blurry.shape[-2:]
    window = _window(height, blurry.device)[:, None] * _window(width, blurry.device)
    margins = (0, MARGIN, 0, MARGIN)
    size = (height + MARGIN, width + MARGIN)
    blurry_spectrum = _spectrum(F.pad(blurry * window, margins))
    sharp_spectrum = _spectrum(F.pad(sharp * window, margins))
    cross_real, cross_imag = (
        part.sum(1) for part in _conjugate_product(sharp_spectrum, blurry_spectrum)
    )
    blurry_power = _power(blurry_spectrum).sum(1)
    power = _power(sharp_spectrum).sum(1)
    # In two steps, as one sum would be divided among threads, and rounded differently.
    mean = power.mean(2, keepdim=True).mean(1, keepdim=True) + 1e-8
    gains = [1 / (power + weight * mean) for weight in REGULARISATIONS]
    whitened = blurry_power / (power + WHITENING * mean)
    real = torch.stack([*(cross_real * gain for gain in gains), whitened], 1)
    imag = torch.stack([*(cross_imag * gain for gain in gains), torch.zeros_like(whitened)], 1)
    radius = KERNEL_SIZE // 2
    estimates = _picture(real, imag, size).roll((radius, radius), (2, 3))
    estimates = estimates[..., :KERNEL_SIZE, :KERNEL_SIZE]
    return estimates / estimates.amax((2, 3), keepdim=True).clamp_min(1e-6)


def deconvolve(image: Tensor, kernel: Tensor, strengths: Tensor) -> Tensor:
    """Wiener filters for pictures whose power falls with the square of the frequency, as it does in
    photos, and for white noise.

    Args:
        image: (N, C, H, W) float32.
        kernel: (N, KERNEL_SIZE, KERNEL_SIZE) float32, of sum 1.
        strengths: (S,) the power of the noise that each of S filters expects, relative to that of
            the picture.

    Returns:
        (N, S * C, H, W), those of the first strength first.
    """
    height, width = image.shape[-2:]
    closed = _close(_close(image, 3), 2)
    size = closed.shape[-2:]
    radius = KERNEL_SIZE // 2
    kernel = F.pad(kernel, (0, size[1] - KERNEL_SIZE, 0, size[0] - KERNEL_SIZE))
    kernel_spectrum = _spectrum(kernel.roll((-radius, -radius), (1, 2))[:, None, None])
    vertical = _frequencies(size[0], image.device)[:, None]
    horizontal = _frequencies(size[1], image.device)[: size[1] // 2 + 1]
    penalty = 4 * (vertical.square() + horizontal.square()) + 0.01
    gain = 1 / (_power(kernel_spectrum) + strengths[:, None, None, None] * penalty)
    real, imag = _conjugate_product(kernel_spectrum, _spectrum(closed[:, None]))
    sharp = _picture(gain * real, gain * imag, size)
    return sharp[..., :height, :width].flatten(1, 2)


def extent(log_kernel: Tensor) -> Tensor:
    """How long kernels are: the pixels along their longest axis, that of the largest variance,
    which hold all of a kernel but a hundredth at either end. A line of 31 pixels has 29.

    Args:
        log_kernel: (N, S, S) logarithms of kernels of sum 1, S odd.

    Returns:
        (N,) float32 pixels.
    """
    kernel = log_kernel.float().exp()
    place = torch.arange(kernel.shape[-1], dtype=kernel.dtype, device=kernel.device)
    x, y = ((kernel.sum(axis) * place).sum(1)[:, None, None] for axis in (1, 2))
    across, down = place - x, place[:, None] - y
    xx, xy, yy = (
        (kernel * product).sum((1, 2))
        for product in (across.square(), across * down, down.square())
    )
    angle = torch.atan2(2 * xy, xx - yy)[:, None, None] / 2
    along, order = (across * angle.cos() + down * angle.sin()).flatten(1).sort(1)
    share = kernel.flatten(1).gather(1, order).cumsum(1)
    ends = share.new_tensor([0.01, 0.99]).expand(len(share), 2).contiguous()
    places = torch.searchsorted(share, ends).clamp(max=share.shape[1] - 1)
    first, last = along.gather(1, places).unbind(1)
    return last - first


def _close(image: Tensor, axis: int) -> Tensor:
    """Adds MARGIN pixels that lead evenly from the end of an axis back to its start: a jump there
    would ring far into the picture."""
    first, last = image.narrow(axis, 0, 1), image.narrow(axis, -1, 1)
    way = (torch.arange(MARGIN, device=image.device) + 0.5) / MARGIN
    way = way if axis == 3 else way[:, None]
    return torch.cat((image, torch.lerp(last, first, way)), axis)


def _spectrum(x: Tensor) -> Spectrum:
    spectrum = torch.view_as_real(torch.fft.rfft2(x))
    return spectrum[..., 0], spectrum[..., 1]


def _conjugate_product(a: Spectrum, b: Spectrum) -> Spectrum:
    """The conjugate of a, times b."""
    return a[0] * b[0] + a[1] * b[1], a[0] * b[1] - a[1] * b[0]


def _power(spectrum: Spectrum) -> Tensor:
    return spectrum[0].square() + spectrum[1].square()


def _picture(real: Tensor, imag: Tensor, size: Sequence[int]) -> Tensor:
    """The inverse of `_spectrum`, for a picture of this (H, W)."""
    return torch.fft.irfft2(torch.complex(real, imag), s=size)


def _frequencies(size: int, device: torch.device) -> Tensor:
    """Cycles a pixel of the terms of a spectrum, without their sign."""
    index = torch.arange(size, device=device)
    return torch.minimum(index, size - index) / size


def _window(size: int, device: torch.device) -> Tensor:
    """1 in the middle, falling to 0 within a sixth of the size from either end."""
    position = (torch.arange(size, device=device) + 0.5) / size
    return (4 * torch.sin(torch.pi * position).square()).clamp(max=1)


def _convolutions(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        activation(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1),
        activation(),
    )
