import pytest
import torch

from smfd_plugin.diffusion import linear_schedule, predict, reverse, seeded_noise
from smfd_plugin.diffusion.sampling import Prediction, ancestral_step, ddim_step

FULL = linear_schedule()
QUARTER = FULL.respaced(250)


def run(gaussian, schedule, start, eta):
    torch.manual_seed(1)
    x_0 = gaussian.pictures()
    x_t = schedule.diffuse(x_0, torch.tensor([start]), torch.randn_like(x_0))
    return reverse(gaussian.denoiser(schedule), x_t, schedule, start, eta)


@pytest.mark.parametrize("schedule, start", [(QUARTER, 100), (QUARTER, 250), (FULL, 300)])
def test_ancestral_sampling_from_x_n_recovers_mean_and_variance(gaussian, schedule, start):
    x = run(gaussian, schedule, start, None)
    assert x.mean().item() == pytest.approx(gaussian.mean, abs=0.004)
    assert x.var().item() == pytest.approx(gaussian.variance, rel=0.03)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_recovers_them_the_better_the_more_steps_there_are(gaussian, eta):
    full, quarter = run(gaussian, FULL, 400, eta), run(gaussian, QUARTER, 100, eta)
    assert full.mean().item() == pytest.approx(gaussian.mean, abs=0.004)
    assert full.var().item() == pytest.approx(gaussian.variance, rel=0.05)
    assert quarter.mean().item() == pytest.approx(gaussian.mean, abs=0.004)
    assert quarter.var().item() == pytest.approx(gaussian.variance, rel=0.2)
    assert quarter.var() < full.var()


def test_the_learned_variance_is_right_in_few_steps_where_the_smallest_is_not(gaussian):
    few = FULL.respaced(5)
    assert run(gaussian, few, 5, None).var().item() == pytest.approx(gaussian.variance, rel=0.03)
    assert run(gaussian, few, 5, 1.0).var().item() < 0.9 * gaussian.variance


def test_ddim_without_eta_is_deterministic(gaussian):
    pictures, denoiser = gaussian.pictures(2), gaussian.denoiser(QUARTER)
    x_t = QUARTER.diffuse(pictures, torch.tensor([100]), torch.randn_like(pictures))
    no_noise = None  # would fail if asked
    first, second = (reverse(denoiser, x_t, QUARTER, 100, 0.0, no_noise) for _ in range(2))
    assert torch.equal(first, second)
    assert first.std() > 0.1


@pytest.mark.parametrize("t", [1, 2, 100, 250])
def test_ddim_with_eta_1_is_the_ancestral_step_of_the_smallest_variance(t):
    torch.manual_seed(0)
    t = torch.tensor([t])
    x_t = QUARTER.diffuse(torch.rand(2, 3, 8, 8) - 0.5, t, noise := torch.randn(2, 3, 8, 8))
    smallest = torch.full_like(x_t, QUARTER.log_posterior_variance(t).item())
    prediction = Prediction(noise, smallest)
    seeds = range(2)
    ancestral = ancestral_step(prediction, x_t, t, QUARTER, seeded_noise(seeds))
    ddim = ddim_step(prediction, x_t, t, QUARTER, seeded_noise(seeds), eta=1.0)
    torch.testing.assert_close(ddim, ancestral, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("v, bound", [(-1.0, "posterior_variance"), (1.0, "beta")])
def test_v_moves_the_variance_between_its_bounds(v, bound):
    t = torch.tensor([100])
    x_t = torch.zeros(1, 3, 4, 4)
    output = torch.cat((x_t, torch.full_like(x_t, v)), 1)
    prediction = predict(lambda x, told: output, x_t, t, QUARTER)
    expected = getattr(QUARTER, bound)(t).item()
    assert prediction.log_variance.exp().unique().item() == pytest.approx(expected, rel=1e-5)


def test_the_network_is_told_the_steps_of_its_training():
    told = []

    def denoiser(x_t, timesteps):
        told.append(timesteps.tolist())
        return torch.zeros(2, 2, 4, 4)

    reverse(denoiser, torch.zeros(2, 1, 4, 4), QUARTER, 3, 0.0)
    assert told == [[8, 8], [4, 4], [0, 0]]


def test_an_impossible_picture_is_clamped_on_the_way():
    def denoiser(x_t, timesteps):
        return torch.full((1, 2, 4, 4), -300.0)

    assert reverse(denoiser, torch.zeros(1, 1, 4, 4), QUARTER, 1, 0.0).unique() == 1


@pytest.mark.parametrize("eta", [None, 0.5])
def test_a_picture_keeps_its_noise_in_any_batch(gaussian, eta):
    x_t, denoiser = gaussian.pictures(3), gaussian.denoiser(QUARTER)
    together = reverse(denoiser, x_t, QUARTER, 20, eta, seeded_noise([7, 8, 9]))
    alone = reverse(denoiser, x_t[1:2], QUARTER, 20, eta, seeded_noise([8]))
    other = reverse(denoiser, x_t[1:2], QUARTER, 20, eta, seeded_noise([9]))
    torch.testing.assert_close(together[1:2], alone)
    assert (alone - other).abs().max() > 1e-3


def test_as_many_seeds_as_pictures_are_needed():
    with pytest.raises(ValueError, match="2 seeds for 3 pictures"):
        seeded_noise([1, 2])(torch.zeros(3, 1, 4, 4))


@pytest.mark.parametrize("start", [0, 251])
def test_a_start_outside_the_schedule_is_refused(gaussian, start):
    with pytest.raises(ValueError, match=f"start is {start}; it can be 1 to 250"):
        reverse(gaussian.denoiser(QUARTER), torch.zeros(1, 1, 4, 4), QUARTER, start)


@pytest.mark.parametrize("eta", [-0.1, 1.5])
def test_an_eta_out_of_range_is_refused(gaussian, eta):
    with pytest.raises(ValueError, match="it can be 0 to 1"):
        reverse(gaussian.denoiser(QUARTER), torch.zeros(1, 1, 4, 4), QUARTER, 1, eta)
