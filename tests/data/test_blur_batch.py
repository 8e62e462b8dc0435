from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import data
from torch.nn import functional as F
from torch.utils.data import default_collate

from smfd_plugin.data.blur_batch import blur_inside, degrade_batch, degrade_inside, describe
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.enlarge import INTERPOLATIONS
from smfd_plugin.data.scenario import KINDS

SPACE = BlurSpace()


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[0:160, 150:310, ::-1])


def as_batch(image: np.ndarray, count: int = 1) -> torch.Tensor:
    rgb = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)
    return rgb.float().div(255).expand(count, -1, -1, -1)


def scenarios(**fixed):
    rng = np.random.default_rng(5)
    return [replace(SPACE[SPACE.sample(rng)], kind=kind, **fixed) for kind in KINDS]


def test_blur_is_that_of_the_single_picture(face):
    encoded = scenarios(noise=0.0, jpeg=0)
    batch = encoded + [replace(scenario, light="linear") for scenario in encoded]
    numbers = default_collate([describe(scenario, 40) for scenario in batch])
    surroundings = F.pad(as_batch(face, len(batch)), [40] * 4, mode="reflect")
    blurry = blur_inside(surroundings, numbers["kernel"], numbers["linear"])
    images = degrade_batch(as_batch(face, len(batch)), batch)
    for exact, image, scenario in zip(blurry, images, batch, strict=True):
        single = as_batch(scenario.apply(face))[0]
        assert (exact - single).abs().max() < 0.51 / 255
        assert (image - single).abs().max() < 1.01 / 255  # where a rounding error decides
        assert (image - single).abs().mean() < 0.01 / 255


@pytest.mark.parametrize("size", [160, 153])  # divisible by the factor, and not
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_enlarging_is_that_of_the_single_picture(face, interpolation, size):
    face = np.ascontiguousarray(face[:size, :size])
    fixed = {"noise": 0.0, "jpeg": 0, "interpolation": interpolation}
    batch = scenarios(shrink=4.0, **fixed) + scenarios(shrink=1.5, **fixed) + scenarios(**fixed)
    images = degrade_batch(as_batch(face, len(batch)), batch)
    for image, scenario in zip(images, batch, strict=True):
        single = as_batch(scenario.apply(face))[0]
        assert (image - single).abs().max() < 2.01 / 255  # rounded twice
        assert (image - single).abs().mean() < 0.2 / 255  # OpenCV weighs bytes in whole numbers


@pytest.mark.parametrize("shrink", [1.0, 4.0])
def test_a_crop_is_degraded_like_the_whole(face, shrink):
    batch = scenarios(noise=0.0, jpeg=0, shrink=shrink)
    numbers = default_collate([describe(scenario, 40) for scenario in batch])
    surroundings = F.pad(as_batch(face, len(batch)), [60] * 4, mode="reflect")
    whole = degrade_inside(surroundings, numbers, (160, 160))
    crop = degrade_inside(surroundings[..., 32:-32, 48:-48], numbers, (96, 64))
    assert (crop - whole[..., 32:-32, 48:-48]).abs().max() < 1.01 / 255


def test_each_picture_has_its_own_grain():
    plain = replace(SPACE[0], kind="gaussian", sigma_x=0.4, noise=8.0, jpeg=0)
    coarse = replace(plain, grain=2.0, noise_colour="grey")
    white, grain = 255 * (degrade_batch(torch.full((2, 3, 96, 96), 0.5), [plain, coarse]) - 0.5)
    assert white.std() == pytest.approx(8, rel=0.1)
    assert grain.std() == pytest.approx(8, rel=0.15)
    assert torch.equal(grain[0], grain[2])
    assert not torch.equal(white[0], white[2])
    assert grain.diff(dim=2).abs().mean() < 0.4 * white.diff(dim=2).abs().mean()


def test_noise_and_jpeg_are_enlarged_too(face):
    plain = replace(SPACE[0], kind="gaussian", sigma_x=0.4, shrink=4.0)
    noisy, clean = degrade_batch(
        torch.full((2, 3, 96, 96), 0.5), [replace(plain, noise=8.0), plain]
    )
    grain = noisy - clean
    steps = grain.diff(dim=-1).std(), grain[..., ::4].diff(dim=-1).std()
    assert steps[0] < 0.5 * steps[1]  # next to each other the pixels of white noise differ as much
    coarse = replace(plain, jpeg=40)
    device, single = degrade_batch(as_batch(face), [coarse])[0], as_batch(coarse.apply(face))[0]
    harm = single - as_batch(plain.apply(face))[0]
    assert (device - single).square().mean() < 0.4 * harm.square().mean()


@pytest.mark.parametrize("quality", [40, 60, 80])
@pytest.mark.parametrize("size", [160, 153])  # whole blocks, and not
def test_jpeg_is_that_of_the_single_picture_but_for_rounding(face, quality, size):
    face = np.ascontiguousarray(face[:size, :size])
    batch = scenarios(noise=0.0, jpeg=quality)
    images = degrade_batch(as_batch(face, len(batch)), batch)
    for image, scenario in zip(images, batch, strict=True):
        compressed = as_batch(scenario.apply(face))[0]
        harm = compressed - as_batch(replace(scenario, jpeg=0).apply(face))[0]
        assert (image - compressed).abs().mean() < 3 / 255
        assert (image - compressed).square().mean() < 0.4 * harm.square().mean()
        last = (image - compressed)[:, -8:].square().mean()
        assert last < 0.7 * harm[:, -8:].square().mean()


def test_the_grid_moves_the_blocks_of_jpeg(face):
    scenario = replace(SPACE[0], kind="gaussian", sigma_x=0.4, noise=0.0, jpeg=40)
    numbers = default_collate([describe(scenario, 2)])
    surroundings = F.pad(as_batch(face), [2] * 4, mode="reflect")
    inside = face[5:, 3:]
    moved = degrade_inside(surroundings[..., 5:, 3:], numbers, inside.shape[:2], grid=(5, 3))
    whole = degrade_inside(surroundings, numbers, face.shape[:2])[..., 5:, 3:]
    unmoved = degrade_inside(surroundings[..., 5:, 3:], numbers, inside.shape[:2])
    assert moved.shape == as_batch(inside).shape
    apart = [(image - whole)[..., 16:-16, 16:-16].abs().mean() for image in (moved, unmoved)]
    assert apart[0] < 0.2 * apart[1]


def test_noise_has_the_stated_strength_and_repeats():
    batch = scenarios(noise=6.0, jpeg=0)
    grey = torch.full((len(batch), 3, 96, 96), 0.5)
    noisy = degrade_batch(grey, batch)
    assert (noisy.std((1, 2, 3)) * 255).tolist() == pytest.approx([6.0] * len(batch), rel=0.05)
    assert torch.equal(noisy, degrade_batch(grey, batch))
    other = degrade_batch(grey, [replace(scenario, seed=scenario.seed + 1) for scenario in batch])
    assert (noisy != other).float().mean() > 0.8


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_takes_any_float(face, dtype):
    batch = scenarios(noise=0.0, jpeg=0)[:1]
    assert degrade_batch(as_batch(face).to(dtype), batch).dtype == torch.float32


def test_noise_follows_jpeg_where_the_order_says_so():
    base = replace(SPACE[0], kind="gaussian", sigma_x=0.4, noise=8.0, jpeg=60)
    batch = [replace(base, order=order) for order in ("noise-jpeg", "jpeg-noise")]
    camera, rescan = degrade_batch(torch.full((2, 3, 96, 96), 0.5), batch).std((1, 2, 3)) * 255
    assert rescan == pytest.approx(8.0, rel=0.05)
    assert camera < 0.8 * rescan


def test_a_kernel_that_reaches_too_far_is_refused():
    scenario = replace(SPACE[0], kind="line", extent=31)
    with pytest.raises(ValueError, match="reaches further"):
        describe(scenario, 10)


@pytest.mark.gpu
def test_runs_on_the_gpu_as_on_the_cpu(face):
    plain = scenarios(noise=0.0, jpeg=0)
    linear = [replace(scenario, light="linear") for scenario in plain]
    batch = [*scenarios(noise=0.0, jpeg=60), *plain, *linear]
    images = as_batch(face, len(batch))
    difference = (degrade_batch(images.cuda(), batch).cpu() - degrade_batch(images, batch)).abs()
    assert difference[len(KINDS) :].max() < 1.5 / 255
    assert difference.mean() < 0.3 / 255  # where JPEG rounds a coefficient the other way
    noisy = degrade_batch(images.cuda(), [replace(scenario, noise=8.0) for scenario in batch])
    assert noisy.isfinite().all()


def test_pictures_of_whole_numbers_are_refused():
    with pytest.raises(ValueError, match=r"takes float pictures in \[0, 1\], not torch.uint8"):
        degrade_batch(torch.zeros(1, 3, 64, 64, dtype=torch.uint8), [SPACE[0]])
