"""A data distribution whose best denoiser is known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from smfd_plugin.diffusion import Schedule


class GaussianData:
    """Every pixel of the "pictures" is N(mean, variance), for itself; hardly one is beyond
    [-1, 1]."""

    mean = 0.1
    variance = 0.04

    def pictures(self, count: int = 256) -> Tensor:
        """(count, 1, 16, 16) draws."""
        generator = torch.Generator().manual_seed(0)
        draws = torch.randn(count, 1, 16, 16, generator=generator)
        return self.mean + self.variance**0.5 * draws

    def denoiser(self, schedule: Schedule) -> Callable[[Tensor, Tensor], Tensor]:
        """E[noise | x_t], and the v of Var[x_{t-1} | x_t], from the conditional Gaussians."""
        step = {int(told): t for t, told in enumerate(schedule.timesteps, 1)}

        def denoiser(x_t: Tensor, timesteps: Tensor) -> Tensor:
            t = torch.tensor([step[int(timesteps[0])]])
            before, now = schedule.alpha_bar[t - 1].item(), schedule.alpha_bar[t].item()
            noise = (1 - now) ** 0.5 * (x_t - now**0.5 * self.mean) / self.spread(now)
            beta = schedule.beta(t).item()
            variance = beta * self.spread(before) / self.spread(now)
            smallest, largest = schedule.log_posterior_variance(t).item(), math.log(beta)
            share = (math.log(variance) - smallest) / (largest - smallest)
            return torch.cat((noise, torch.full_like(x_t, 2 * share - 1)), 1)

        return denoiser

    def spread(self, alpha_bar: float) -> float:
        """Var[x_t]."""
        return alpha_bar * self.variance + 1 - alpha_bar


@pytest.fixture
def gaussian() -> GaussianData:
    return GaussianData()
