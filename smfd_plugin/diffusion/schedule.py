"""The forward process of a diffusion model: how a picture is lost in noise, in closed form."""

from dataclasses import dataclass

import torch
from torch import Tensor

TRAINED_STEPS = 1000


@dataclass(frozen=True)
class Schedule:
    """A variance-preserving diffusion x_0, x_1, ..., x_T; x_0 is the picture, RGB in [-1, 1].

    Steps are counted as in the papers: t = 1 is the first noise, t = T the last. In all methods t
    is an int64 tensor on the CPU, of shape (N,), or (1,) for the whole batch.

    Attributes:
        alpha_bar: (T + 1,) float64 in (0, 1]; of x_t's variance, the share that is the picture's
            (DDPM, arXiv 2006.11239, equation 4); alpha_bar[0] is 1.
        timesteps: (T,) int64; timesteps[t - 1] is what a network is told of x_t, namely the step of
            its training, counted from 0.
    """

    alpha_bar: Tensor
    timesteps: Tensor

    @property
    def steps(self) -> int:
        """T."""
        return len(self.timesteps)

    def respaced(self, steps: int) -> "Schedule":
        """Every k-th step of this schedule alone, with the same alpha_bar there.

        The betas of the shorter process follow from the kept alpha_bar (improved DDPM, arXiv
        2102.09672, equation 19). The kept steps are evenly spaced from the first on (DDIM, arXiv
        2010.02502, appendix D.2, linear), as in DifFace's own runs.

        Args:
            steps: how many to keep.

        Raises:
            ValueError: fewer than 2, or no divisor of this schedule's steps.
        """
        if steps < 2 or self.steps % steps:
            choices = ", ".join(str(n) for n in range(2, self.steps + 1) if self.steps % n == 0)
            raise ValueError(f"diffusion: cannot keep {steps} of {self.steps} steps; use {choices}")
        kept = torch.arange(0, self.steps, self.steps // steps)
        return Schedule(
            torch.cat((self.alpha_bar[:1], self.alpha_bar[1 + kept])), self.timesteps[kept]
        )

    def beta(self, t: Tensor) -> Tensor:
        """Variance of the noise that step t adds: 1 - alpha_bar_t / alpha_bar_{t-1}, float64."""
        return 1 - self.alpha_bar[t] / self.alpha_bar[t - 1]

    def posterior_variance(self, t: Tensor) -> Tensor:
        """beta~_t, the variance of x_{t-1} if x_t and x_0 are known (DDPM, equation 7), float64."""
        return (1 - self.alpha_bar[t - 1]) / (1 - self.alpha_bar[t]) * self.beta(t)

    def diffuse(self, x_0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """A draw from q(x_t | x_0) (DDPM, equation 4).

        Args:
            x_0: (N, C, H, W) in [-1, 1].
            t: steps in [1, T].
            noise: standard normal, of x_0's shape.
        """
        alpha_bar = self.alpha_bar[t]
        return (
            per_picture(alpha_bar.sqrt(), x_0) * x_0
            + per_picture((1 - alpha_bar).sqrt(), x_0) * noise
        )

    def without_noise(self, x_t: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """The x_0 from which `noise` made x_t (DDPM, equation 15); not clamped."""
        alpha_bar = self.alpha_bar[t]
        return (x_t - per_picture((1 - alpha_bar).sqrt(), x_t) * noise) / per_picture(
            alpha_bar.sqrt(), x_t
        )

    def posterior_mean(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """mu~_t, the mean of x_{t-1} if x_t and x_0 are known (DDPM, equation 7)."""
        before, now, beta = self.alpha_bar[t - 1], self.alpha_bar[t], self.beta(t)
        of_x_0 = before.sqrt() * beta / (1 - now)
        of_x_t = (1 - beta).sqrt() * (1 - before) / (1 - now)
        return per_picture(of_x_0, x_0) * x_0 + per_picture(of_x_t, x_t) * x_t

    def log_posterior_variance(self, t: Tensor) -> Tensor:
        """log beta~_t, float64; at t = 1, where beta~ is 0, that of t = 2."""
        return self.posterior_variance(t.clamp(min=2)).log()


def linear_schedule() -> Schedule:
    """The schedule of DDPM: 1,000 steps, beta from 1e-4 to 0.02 (section 4)."""
    beta = torch.linspace(1e-4, 0.02, TRAINED_STEPS, dtype=torch.float64)
    alpha_bar = torch.cat((torch.ones(1, dtype=torch.float64), (1 - beta).cumprod(0)))
    return Schedule(alpha_bar, torch.arange(TRAINED_STEPS))


def per_picture(values: Tensor, like: Tensor) -> Tensor:
    """(N,) values as (N, 1, 1, 1), on the device and in the type of the pictures `like`."""
    return values.to(like.dtype).to(like.device).view(-1, 1, 1, 1)
