from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.scenario import FACTORS, KINDS, Scenario

SPACE = BlurSpace()


def textured(size: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.GaussianBlur(rng.integers(0, 256, (size, size, 3), np.uint8), (0, 0), 1.0)


def test_every_factor_is_a_field_of_the_scenario_in_this_order():
    assert list(FACTORS) == [field.name for field in fields(Scenario)]


@pytest.mark.parametrize("light", FACTORS["light"].names)
@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_picture_stays_constant(kind, light):
    number = SPACE.sample(np.random.default_rng(3))
    scenario = replace(SPACE[number], kind=kind, noise=0.0, jpeg=0, light=light)
    image = np.full((70, 50, 3), (7, 130, 251), np.uint8)
    assert np.array_equal(scenario.apply(image), image)


@pytest.mark.parametrize("kind", KINDS)
def test_blur_moves_nothing(kind):
    scenario = Scenario(kind, 21, 30.0, 5, 3.0, 1.2, 4.0, 0.0, 0, "noise-jpeg")
    image = np.zeros((121, 121, 3), np.uint8)
    image[50:71, 50:71] = 255
    blurry = scenario.apply(image)[..., 0].astype(float)
    offset = np.arange(121) - 60
    assert (blurry.sum(0) * offset).sum() / blurry.sum() == pytest.approx(0, abs=0.05)
    assert (blurry.sum(1) * offset).sum() / blurry.sum() == pytest.approx(0, abs=0.05)
    assert blurry[60, 60] < 255 or blurry[49, 60] > 0


def test_a_point_becomes_the_kernel_and_not_its_mirror_image():
    scenario = Scenario("shake", 15, 0.0, 3, 1.0, 1.0, 1.0, 0.0, 0, "noise-jpeg")
    kernel = scenario.kernel()
    half = kernel.shape[0] // 2
    image = np.zeros((61, 61, 3), np.uint8)
    image[30, 30] = 255
    patch = scenario.apply(image)[30 - half : 31 + half, 30 - half : 31 + half, 0]
    np.testing.assert_allclose(patch, 255 * kernel, atol=0.51)


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("line", {"extent", "angle"}),
        ("shake", {"extent", "angle", "seed"}),
        ("gaussian", {"sigma_x"}),
        ("anisotropic", {"sigma_x", "sigma_y", "angle"}),
        ("defocus", {"radius"}),
        ("mixed", {"extent", "angle", "sigma_x", "sigma_y"}),
    ],
)
def test_a_kind_of_blur_goes_by_the_factors_that_it_needs_alone(kind, needed):
    scenario = Scenario(kind, 9, 30.0, 5, 3.0, 1.2, 4.0, 0.0, 0, "noise-jpeg")
    kernel = scenario.kernel()
    others = {"extent": 15, "angle": 75.0, "seed": 6, "sigma_x": 2.0, "sigma_y": 2.0, "radius": 2.5}
    changing = {
        name
        for name, value in others.items()
        if not np.array_equal(replace(scenario, **{name: value}).kernel(), kernel)
    }
    assert changing == needed


def test_blur_in_linear_light_adds_up_light():
    """Half black, half white: grey of half the light, 188 in sRGB, in place of 128."""
    image = np.zeros((1, 41, 3), np.uint8)
    image[:, ::2] = 255
    encoded = Scenario("line", 31, 0.0, 0, 1.0, 1.0, 1.0, 0.0, 0, "noise-jpeg")
    linear = replace(encoded, light="linear")
    assert abs(int(encoded.apply(image)[0, 20, 0]) - 127.5) < 6
    assert abs(int(linear.apply(image)[0, 20, 0]) - 188) < 5


@pytest.mark.parametrize("noise, jpeg, apart", [(0.0, 0, 0.6), (8.0, 0, 0.6), (0.0, 80, 2)])
def test_an_enlarged_picture_has_the_detail_of_the_small_one(noise, jpeg, apart):
    scenario = Scenario("gaussian", 3, 0.0, 9, 0.4, 0.4, 1.0, noise, jpeg, "noise-jpeg")
    image = textured(64)
    fourth = replace(scenario, shrink=4.0, interpolation="cubic").apply(image)
    blurry = replace(scenario, noise=0.0, jpeg=0).apply(image)
    small = cv2.resize(blurry, (16, 16), interpolation=cv2.INTER_AREA)
    kept = replace(scenario, sigma_x=0.01).apply(small)  # noise and JPEG at that size
    enlarged = cv2.resize(kept, (64, 64), interpolation=cv2.INTER_CUBIC)
    assert np.abs(fourth.astype(int) - enlarged).mean() < apart  # rounded at other places


def test_grain_is_smooth_grey_and_as_strong_as_white_noise():
    scenario = Scenario("gaussian", 3, 0.0, 9, 0.4, 0.4, 1.0, 8.0, 0, "noise-jpeg")
    image = np.full((96, 96, 3), 128, np.uint8)
    grain = replace(scenario, grain=1.4, noise_colour="grey").apply(image).astype(float) - 128
    white = scenario.apply(image).astype(float) - 128
    assert grain.std() == pytest.approx(8, rel=0.1)
    assert white.std() == pytest.approx(8, rel=0.1)
    assert np.array_equal(grain[..., 0], grain[..., 2])
    assert not np.array_equal(white[..., 0], white[..., 2])
    assert np.abs(np.diff(grain, axis=1)).mean() < 0.6 * np.abs(np.diff(white, axis=1)).mean()


@pytest.mark.parametrize("interpolation", FACTORS["interpolation"].names)
def test_enlarging_moves_nothing(interpolation):
    scenario = Scenario("line", 9, 30.0, 5, 3.0, 1.2, 4.0, 0.0, 0, "noise-jpeg")
    image = np.zeros((121, 121, 3), np.uint8)
    image[50:71, 50:71] = 255
    small = replace(scenario, shrink=3.0, interpolation=interpolation).apply(image)[..., 0]
    assert np.array_equal(small, small[::-1, ::-1])
    assert small.astype(float).mean() == pytest.approx(image.mean(), rel=0.02)


def test_the_point_spread_of_an_enlarged_picture_is_wider():
    scenario = Scenario("line", 9, 30.0, 5, 3.0, 1.2, 4.0, 0.0, 0, "noise-jpeg")
    assert np.array_equal(scenario.psf(), scenario.kernel())
    psf = replace(scenario, shrink=4.0, interpolation="linear").psf()
    middle = psf.shape[0] // 2
    offset = np.arange(-middle, middle + 1)
    variance = [(psf.sum(axis) * offset**2).sum() for axis in (0, 1)]
    kernel = scenario.kernel()
    half = kernel.shape[0] // 2
    own = [
        (kernel.sum(axis) * offset[middle - half : middle + half + 1] ** 2).sum() for axis in (0, 1)
    ]
    # Of a quadratic B-spline with knots every 4 pixels: 16 * 3 / 12.
    assert np.subtract(variance, own) == pytest.approx([4, 4], rel=0.05)
    assert psf.sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stretched_kernel_is_as_much_larger(kind):
    scenario = replace(SPACE[0], kind=kind, extent=9, sigma_x=2.0, sigma_y=1.6, radius=3.0)
    twice = scenario.stretched(2)
    assert twice == replace(scenario, extent=18, sigma_x=4.0, sigma_y=3.2, radius=6.0)
    assert spread(twice.kernel()) == pytest.approx(2 * spread(scenario.kernel()), rel=0.06)
    assert scenario.stretched(1) == scenario


def spread(kernel):
    y, x = (np.arange(side) - side // 2 for side in kernel.shape)
    return (kernel * (y[:, None] ** 2 + x**2)).sum() ** 0.5


def test_noise_has_the_stated_strength():
    scenario = Scenario("gaussian", 3, 0.0, 9, 0.4, 0.4, 1.0, 6.0, 0, "noise-jpeg")
    grey = np.full((256, 256, 3), 128, np.uint8)
    assert scenario.apply(grey).std() == pytest.approx(6.0, rel=0.02)


def test_order_decides_whether_jpeg_sees_the_noise():
    scenario = Scenario("gaussian", 3, 0.0, 9, 0.4, 0.4, 1.0, 8.0, 60, "noise-jpeg")
    grey = np.full((128, 128, 3), 128, np.uint8)
    compressed_noise = scenario.apply(grey).std()
    noise_on_top = replace(scenario, order="jpeg-noise").apply(grey).std()
    assert noise_on_top == pytest.approx(8.0, rel=0.03)
    assert compressed_noise < 0.8 * noise_on_top


def test_jpeg_quality_orders_the_damage():
    image = textured(128)
    damage = [
        np.abs(
            Scenario("gaussian", 3, 0.0, 0, 0.4, 0.4, 1.0, 0.0, quality, "noise-jpeg")
            .apply(image)
            .astype(int)
            - Scenario("gaussian", 3, 0.0, 0, 0.4, 0.4, 1.0, 0.0, 0, "noise-jpeg").apply(image)
        ).mean()
        for quality in (95, 80, 60)
    ]
    assert 0 < damage[0] < damage[1] < damage[2]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kind", "zoom", "'zoom'; known: line, shake, "),
        ("extent", 1, "1; it is a number from 2 to inf"),
        ("sigma_x", 0, "0; it is a number from 0.01 to inf"),
        ("radius", 0.0, "0.0; it is a number from 0.1 to inf"),
        ("noise", float("nan"), "nan; it is a number"),
        ("jpeg", 90.0, "90.0; it is a whole number from 0 to 100"),
        ("light", "Linear", "'Linear'; known: encoded, linear"),
    ],
)
def test_a_scenario_that_there_is_not_is_refused(name, value, message):
    with pytest.raises(ValueError, match=f"^a scenario's {name} cannot be {message}"):
        replace(SPACE[0], **{name: value})


@pytest.mark.parametrize("image", [np.zeros((8, 8, 3)), np.zeros((8, 8), np.uint8)])
def test_a_picture_of_another_kind_is_refused(image):
    with pytest.raises(ValueError, match=r"a picture is \(H, W, 3\) uint8, not \(8, 8"):
        SPACE[0].apply(image)


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_blur_is_a_blur(kind):
    least = {name: factor.least for name, factor in FACTORS.items() if np.isfinite(factor.least)}
    kernel = replace(SPACE[0], kind=kind, **least).kernel()
    assert kernel.sum() == pytest.approx(1)
