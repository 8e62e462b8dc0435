import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from smfd_plugin.diffusion import linear_schedule, variational_bound
from smfd_plugin.diffusion.hybrid_loss import gaussian_divergence, log_likelihood_of_levels
from smfd_plugin.diffusion.sampling import Prediction

SCHEDULE = linear_schedule()


def example(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures of 8 bit levels, their noise and x_t."""
    torch.manual_seed(0)
    x_0 = torch.randint(0, 256, (len(t), 3, 8, 8)) / 127.5 - 1
    noise = torch.randn_like(x_0)
    return x_0, noise, SCHEDULE.diffuse(x_0, t, noise)


def smallest_variance(t: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return SCHEDULE.log_posterior_variance(t).to(like).view(-1, 1, 1, 1).expand_as(like)


def test_the_bound_is_zero_where_the_prediction_is_the_posterior():
    t = torch.tensor([2, 400, 1000])
    x_0, noise, x_t = example(t)
    bound = variational_bound(Prediction(noise, smallest_variance(t, x_t)), x_0, x_t, t, SCHEDULE)
    assert bound.abs().max() < 1e-5


def test_a_wrong_prediction_costs_more():
    t = torch.tensor([1, 2, 400])
    x_0, noise, x_t = example(t)
    log_variance = smallest_variance(t, x_t)
    right = variational_bound(Prediction(noise, log_variance), x_0, x_t, t, SCHEDULE)
    noisy = variational_bound(Prediction(noise + 0.5, log_variance), x_0, x_t, t, SCHEDULE)
    assert (noisy > right + 1e-4).all()


def test_the_bound_trains_the_variance_alone():
    t = torch.tensor([1, 500])
    x_0, noise, x_t = example(t)
    guess = (noise + 0.1).requires_grad_()
    log_variance = smallest_variance(t, x_t).clone().requires_grad_()
    variational_bound(Prediction(guess, log_variance), x_0, x_t, t, SCHEDULE).sum().backward()
    assert guess.grad is None
    assert (log_variance.grad != 0).flatten(1).any(1).all()


def test_the_divergence_is_torchs():
    mean, other_mean = torch.tensor([0.3, -1.0]), torch.tensor([0.0, 2.0])
    log_variance, other_log_variance = torch.tensor([-3.0, 0.5]), torch.tensor([-1.0, 0.5])
    expected = kl_divergence(
        Normal(mean, (log_variance / 2).exp()), Normal(other_mean, (other_log_variance / 2).exp())
    )
    computed = gaussian_divergence(mean, log_variance, other_mean, other_log_variance)
    torch.testing.assert_close(computed, expected)


@pytest.mark.parametrize("log_variance", [-8.0, -3.0, 2.0])
def test_the_likelihoods_of_all_levels_add_up_to_one(log_variance):
    levels = torch.arange(256, dtype=torch.float64) / 127.5 - 1
    logs = log_likelihood_of_levels(
        levels, torch.full_like(levels, 0.9), torch.full_like(levels, log_variance)
    )
    assert logs.exp().sum().item() == pytest.approx(1, abs=1e-6)


def test_the_likelihood_stays_finite_far_away():
    log_variance = torch.tensor([-12.0], requires_grad=True)
    log = log_likelihood_of_levels(torch.tensor([-0.5]), torch.tensor([0.9]), log_variance)
    log.backward()
    assert log.item() == pytest.approx(math.log(1e-12))
    assert log_variance.grad.isfinite().all()
