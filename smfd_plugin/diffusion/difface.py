"""DifFace (arXiv 2212.06512): an estimate, half lost in noise, finished by a diffusion model."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.diffusion.sampling import Denoiser, Noise, check_run, reverse, seeded_noise
from smfd_plugin.diffusion.schedule import Schedule


def restore(
    lq: Tensor,
    estimator: Callable[[Tensor], Tensor],
    prior: Denoiser,
    schedule: Schedule,
    start: int,
    eta: float | None = 0.5,
    noise: Noise = torch.randn_like,
) -> Tensor:
    """Draws a sharp face from p(x_0 | y_0), the posterior of section III.

    The diffused estimator makes x_N = sqrt(alpha_bar_N) f(y_0) + sqrt(1 - alpha_bar_N) z, in which
    the errors of f shrink by sqrt(alpha_bar_N) and sink in noise; the prior's reverse process from
    x_N to x_0 does the rest. A larger N trusts the prior more, a smaller one the estimator.

    Args:
        lq: (N, 3, H, W) degraded faces y_0, RGB in [0, 1], of a size that both networks take.
        estimator: f, a network from RGB in [0, 1] to RGB in [0, 1] of the same size.
        prior: the diffusion model, on RGB in [-1, 1].
        schedule: its process, perhaps respaced.
        start: N, a step of `schedule`, in [1, T].
        eta: DDIM's eta, in [0, 1]; None: ancestral steps with the learned variance.
        noise: where random numbers come from.

    Returns:
        (N, 3, H, W) RGB in [0, 1], of lq's type.

    Raises:
        ValueError: `start` or `eta` out of its range.
    """
    check_run(schedule, start, eta)
    with torch.no_grad():
        estimate = estimator(lq).to(lq.dtype).clamp(0, 1)
    x_n = schedule.diffuse(2 * estimate - 1, torch.tensor([start]), noise(estimate))
    return ((reverse(prior, x_n, schedule, start, eta, noise) + 1) / 2).clamp(0, 1)


class DifFace(nn.Module):
    """`restore` as a network like any other: faces of any size in, restored faces out.

    Args:
        estimator: from RGB in [0, 1] to RGB in [0, 1]: SwinIREstimator, SRCNNEstimator, SMFDUNet.
        prior: a DiffusionUNet.
        schedule: the prior's process, perhaps respaced.
        start: N, a step of `schedule`, in [1, T].
        size: pixels; the prior was trained on faces of size x size. Others are resized to it and
            back.
        eta: DDIM's eta, in [0, 1]; None: ancestral steps with the learned variance.

    Raises:
        ValueError: `start` or `eta` out of its range.
    """

    def __init__(
        self,
        estimator: nn.Module,
        prior: nn.Module,
        schedule: Schedule,
        start: int,
        size: int,
        eta: float | None = 0.5,
    ) -> None:
        super().__init__()
        check_run(schedule, start, eta)
        self.estimator = estimator
        self.prior = prior
        self.schedule = schedule
        self.start = start
        self.size = size
        self.eta = eta

    def forward(self, lq: Tensor, seeds: Sequence[int] | None = None) -> Tensor:
        """Restores faces.

        Args:
            lq: (N, 3, H, W) RGB in [0, 1], FFHQ-aligned.
            seeds: one a face; a face's result depends on its own seed alone, not on its batch.
                None: all 0.

        Returns:
            (N, 3, H, W) RGB in [0, 1].

        Raises:
            ValueError: not as many seeds as faces.
        """
        noise = seeded_noise([0] * len(lq) if seeds is None else seeds)
        height, width = lq.shape[-2:]
        if (height, width) == (self.size, self.size):
            return self._restore(lq, noise)
        return _resize(self._restore(_resize(lq, self.size, self.size), noise), height, width)

    def _restore(self, lq: Tensor, noise: Noise) -> Tensor:
        return restore(lq, self.estimator, self.prior, self.schedule, self.start, self.eta, noise)


def _resize(x: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(x, (height, width), mode="bicubic", antialias=True).clamp(0, 1)
