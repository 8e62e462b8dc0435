"""The reverse process: from a noisy x_t back to a picture."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from smfd_plugin.diffusion.schedule import Schedule, per_picture

type Denoiser = Callable[[Tensor, Tensor], Tensor]
"""A network called with x_t (N, C, H, W) and its timesteps (N,) int64; it returns (N, 2C, H, W):
the noise in x_t, and v, which sets the variance of x_{t-1}, about in [-1, 1]."""

type Noise = Callable[[Tensor], Tensor]
"""Draws standard normal noise of a tensor's shape, type and device, as torch.randn_like does."""


class Prediction(NamedTuple):
    """What a network makes of x_t; all (N, C, H, W) in x_t's type.

    Attributes:
        noise: the noise in x_t.
        log_variance: of p(x_{t-1} | x_t), from the network's v.
    """

    noise: Tensor
    log_variance: Tensor


def seeded_noise(seeds: Sequence[int]) -> Noise:
    """A source of noise with one stream a picture, so that a picture's noise depends neither on the
    rest of its batch nor on the device.

    Args:
        seeds: one for each picture of the batches to come.

    Raises:
        ValueError: on a call with a batch of another size.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def noise(like: Tensor) -> Tensor:
        if len(like) != len(generators):
            raise ValueError(f"diffusion: {len(generators)} seeds for {len(like)} pictures")
        draws = [torch.randn(like.shape[1:], generator=each) for each in generators]
        return torch.stack(draws).to(like)

    return noise


def predict(denoiser: Denoiser, x_t: Tensor, t: Tensor, schedule: Schedule) -> Prediction:
    """Asks the network about x_t.

    The variance lies between beta~_t (v = -1) and beta_t (v = 1) on a logarithmic scale (improved
    DDPM, arXiv 2102.09672, equation 15). The network may answer in any type.

    Args:
        denoiser: the network.
        x_t: (N, C, H, W).
        t: (N,) or (1,) int64 on the CPU, in [1, T].
        schedule: the process that x_t belongs to.
    """
    told = schedule.timesteps[t - 1].to(x_t.device).expand(len(x_t))
    noise, v = denoiser(x_t, told).to(x_t.dtype).chunk(2, 1)
    share = (v + 1) / 2
    largest = per_picture(schedule.beta(t).log(), x_t)
    smallest = per_picture(schedule.log_posterior_variance(t), x_t)
    return Prediction(noise, share * largest + (1 - share) * smallest)


def ancestral_step(
    prediction: Prediction, x_t: Tensor, t: Tensor, schedule: Schedule, noise: Noise
) -> Tensor:
    """A draw from p(x_{t-1} | x_t) (DDPM, arXiv 2006.11239, algorithm 2), with the learned
    variance; from x_1 the mean alone.

    Args:
        prediction: what the network makes of x_t.
        x_t: (N, C, H, W).
        t: (1,) int64 on the CPU, in [1, T].
        schedule: the process that x_t belongs to.
        noise: where random numbers come from.
    """
    x_0 = schedule.without_noise(x_t, t, prediction.noise).clamp(-1, 1)
    mean = schedule.posterior_mean(x_0, x_t, t)
    return mean if t == 1 else mean + (prediction.log_variance / 2).exp() * noise(x_t)


def ddim_step(
    prediction: Prediction, x_t: Tensor, t: Tensor, schedule: Schedule, noise: Noise, eta: float
) -> Tensor:
    """x_{t-1} by DDIM (arXiv 2010.02502, equation 12, with the sigma of equation 16).

    Args:
        prediction: what the network makes of x_t.
        x_t: (N, C, H, W).
        t: (1,) int64 on the CPU, in [1, T].
        schedule: the process that x_t belongs to.
        noise: where random numbers come from; not asked if eta is 0.
        eta: 0, no randomness, to 1, as much as an ancestral step of the smallest variance.
    """
    x_0 = schedule.without_noise(x_t, t, prediction.noise).clamp(-1, 1)
    before = schedule.alpha_bar[t - 1]
    sigma = eta * schedule.posterior_variance(t).sqrt()
    towards_x_t = per_picture((1 - before - sigma**2).sqrt(), x_t)
    mean = per_picture(before.sqrt(), x_t) * x_0 + towards_x_t * prediction.noise
    return mean if sigma == 0 else mean + per_picture(sigma, x_t) * noise(x_t)


@torch.no_grad()
def reverse(
    denoiser: Denoiser,
    x_t: Tensor,
    schedule: Schedule,
    start: int,
    eta: float | None = None,
    noise: Noise = torch.randn_like,
) -> Tensor:
    """Runs the reverse process from x_start to x_0.

    Args:
        denoiser: the network. To compute it in 16 bits, convert its weights or run this under
            torch.autocast; the states stay in x_t's type.
        x_t: (N, C, H, W) x_start; float32 also for a network in 16 bits.
        schedule: the process, perhaps respaced.
        start: the step of `schedule` that x_t is at, in [1, T].
        eta: DDIM's eta, in [0, 1]; None: ancestral steps with the learned variance.
        noise: where random numbers come from.

    Returns:
        (N, C, H, W), about in [-1, 1].

    Raises:
        ValueError: `start` or `eta` out of its range.
    """
    check_run(schedule, start, eta)
    for step in range(start, 0, -1):
        t = torch.tensor([step])
        prediction = predict(denoiser, x_t, t, schedule)
        if eta is None:
            x_t = ancestral_step(prediction, x_t, t, schedule, noise)
        else:
            x_t = ddim_step(prediction, x_t, t, schedule, noise, eta)
    return x_t


def check_run(schedule: Schedule, start: int, eta: float | None) -> None:
    """Raises a ValueError if the reverse process cannot run from `start` with `eta`."""
    if not 1 <= start <= schedule.steps:
        raise ValueError(f"diffusion: start is {start}; it can be 1 to {schedule.steps}")
    if eta is not None and not 0 <= eta <= 1:
        raise ValueError(f"diffusion: eta is {eta}; it can be 0 to 1")
