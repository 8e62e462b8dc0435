"""The variational part of a diffusion model's loss, which trains its variance."""

import math

import torch
from torch import Tensor

from smfd_plugin.diffusion.sampling import Prediction
from smfd_plugin.diffusion.schedule import Schedule

HALF_A_LEVEL = 1 / 255
"""Half of the distance between two of the 256 levels of a picture in [-1, 1]."""


def variational_bound(
    prediction: Prediction, x_0: Tensor, x_t: Tensor, t: Tensor, schedule: Schedule
) -> Tensor:
    """Term t of the variational bound: L_{t-1}, or L_0 where t = 1 (DDPM, arXiv 2006.11239,
    equations 5 and 13).

    Its gradient reaches the variance alone, since it would disturb the noise that the simple loss
    trains (improved DDPM, arXiv 2102.09672, section 3.1).

    Args:
        prediction: what the network makes of x_t.
        x_0: (N, C, H, W) the picture, 8 bit levels in [-1, 1].
        x_t: (N, C, H, W) x_0 diffused to t.
        t: (N,) int64 on the CPU, in [1, T].
        schedule: the process.

    Returns:
        (N,) bits per dimension.
    """
    guess = schedule.without_noise(x_t, t, prediction.noise.detach())
    mean = schedule.posterior_mean(guess, x_t, t)
    divergence = gaussian_divergence(
        schedule.posterior_mean(x_0, x_t, t),
        schedule.log_posterior_variance(t).to(x_t).view(-1, 1, 1, 1),
        mean,
        prediction.log_variance,
    )
    first = (t == 1).to(x_t.device).view(-1, 1, 1, 1)
    nll = -log_likelihood_of_levels(x_0, mean, prediction.log_variance)
    return torch.where(first, nll, divergence).flatten(1).mean(1) / math.log(2)


def gaussian_divergence(
    mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor
) -> Tensor:
    """Kullback-Leibler divergence of N(mean, variance) from the other Gaussian, nats an element."""
    ratio = (log_variance - other_log_variance).exp()
    distance = (mean - other_mean).square() * (-other_log_variance).exp()
    return (ratio + distance - 1 + other_log_variance - log_variance) / 2


def log_likelihood_of_levels(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log-probability that a Gaussian, rounded to 256 levels, gives x (DDPM, equation 13).

    Args:
        x: levels in [-1, 1]; the tails beyond the two outer ones count as theirs.
        mean, log_variance: of the Gaussian.

    Returns:
        nats an element; no less than log 1e-12, so that its gradient stays finite.
    """
    std = (log_variance / 2).exp()
    below = torch.special.ndtr((x - HALF_A_LEVEL - mean) / std)
    up_to = torch.special.ndtr((x + HALF_A_LEVEL - mean) / std)
    below = torch.where(x < -1 + HALF_A_LEVEL, 0.0, below)
    up_to = torch.where(x > 1 - HALF_A_LEVEL, 1.0, up_to)
    return (up_to - below).clamp(min=1e-12).log()
