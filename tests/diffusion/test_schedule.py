import pytest
import torch

from smfd_plugin.diffusion import linear_schedule

SCHEDULE = linear_schedule()


def steps(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


def test_the_linear_schedule_is_ddpms():
    assert SCHEDULE.steps == 1000
    assert SCHEDULE.beta(steps(1, 1000)).tolist() == pytest.approx([1e-4, 0.02])
    assert SCHEDULE.alpha_bar[0] == 1
    assert SCHEDULE.alpha_bar[1000].item() == pytest.approx(4.0358e-5, rel=1e-4)
    assert SCHEDULE.timesteps.tolist() == list(range(1000))


@pytest.mark.parametrize("kept", [2, 10, 250, 1000])
def test_respacing_keeps_alpha_bar_at_the_kept_steps(kept):
    short = SCHEDULE.respaced(kept)
    assert short.steps == kept
    assert short.timesteps.tolist() == list(range(0, 1000, 1000 // kept))
    assert torch.equal(short.alpha_bar[1:], SCHEDULE.alpha_bar[short.timesteps + 1])
    all_steps = torch.arange(1, kept + 1)
    torch.testing.assert_close((1 - short.beta(all_steps)).cumprod(0), short.alpha_bar[1:])


def test_respacing_twice_still_tells_the_steps_of_the_training():
    assert SCHEDULE.respaced(500).respaced(100).timesteps.tolist() == list(range(0, 1000, 10))


@pytest.mark.parametrize("kept", [0, 1, 300, 2000])
def test_a_number_of_steps_that_does_not_divide_is_refused(kept):
    with pytest.raises(ValueError, match=rf"cannot keep {kept} of 1000 steps; use 2, 4, 5, .* 250"):
        SCHEDULE.respaced(kept)


def test_diffusing_at_once_is_diffusing_step_by_step(gaussian):
    torch.manual_seed(0)
    x = pictures = gaussian.pictures()
    for t in range(1, 301):
        beta = SCHEDULE.beta(steps(t)).item()
        x = (1 - beta) ** 0.5 * x + beta**0.5 * torch.randn_like(x)
    at_once = SCHEDULE.diffuse(pictures, steps(300), torch.randn_like(pictures))
    assert x.mean().item() == pytest.approx(at_once.mean().item(), abs=0.01)
    assert x.var().item() == pytest.approx(at_once.var().item(), rel=0.02)


def test_a_batch_may_be_at_several_steps():
    x = torch.rand(3, 2, 4, 4)
    noise = torch.randn_like(x)
    t = steps(1, 400, 1000)
    together = SCHEDULE.diffuse(x, t, noise)
    for i in range(3):
        assert torch.equal(
            together[i : i + 1], SCHEDULE.diffuse(x[i : i + 1], t[i : i + 1], noise[i])
        )


@pytest.mark.parametrize("t", [1, 400, 1000])
def test_taking_the_noise_away_gives_the_picture_back(t):
    x = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    noise = torch.randn_like(x)
    x_t = SCHEDULE.diffuse(x, steps(t), noise)
    torch.testing.assert_close(SCHEDULE.without_noise(x_t, steps(t), noise), x)


def test_the_posterior_is_bayes_rule():
    """q(x_{t-1} | x_t, x_0) is the product of q(x_t | x_{t-1}) and q(x_{t-1} | x_0), normalised."""
    x_0, x_t = torch.full((1, 1, 1, 1), 0.3), torch.full((1, 1, 1, 1), -0.7)
    t = steps(400)
    before, beta = SCHEDULE.alpha_bar[399].item(), SCHEDULE.beta(t).item()
    precision = (1 - beta) / beta + 1 / (1 - before)
    mean = ((1 - beta) ** 0.5 * -0.7 / beta + before**0.5 * 0.3 / (1 - before)) / precision
    assert SCHEDULE.posterior_variance(t).item() == pytest.approx(1 / precision)
    assert SCHEDULE.posterior_mean(x_0, x_t, t).item() == pytest.approx(mean, rel=1e-5)


def test_the_log_of_the_posterior_variance_is_finite_at_the_first_step():
    logs = SCHEDULE.log_posterior_variance(steps(1, 2))
    assert logs[0] == logs[1] == SCHEDULE.posterior_variance(steps(2)).log()
