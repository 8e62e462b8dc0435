import subprocess
import sys
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smfd_plugin.data.blur_space import FACTORS, KINDS, LIGHTS, LIMITS, NAMES, BlurSpace, Scenario

SPACE = BlurSpace()
numbers = st.integers(0, len(SPACE) - 1)


def textured(size: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.GaussianBlur(rng.integers(0, 256, (size, size, 3), np.uint8), (0, 0), 1.0)


def test_every_factor_is_a_field_of_the_scenario_in_this_order():
    assert list(FACTORS) == [field.name for field in fields(Scenario)]


def test_has_about_one_point_seven_four_trillion_scenarios():
    assert len(SPACE) == 1_741_824_000_000


@given(numbers)
def test_number_and_scenario_are_a_bijection(number):
    assert SPACE.index(SPACE[number]) == number


@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in FACTORS.items()}))
def test_every_combination_of_values_has_a_number(values):
    scenario = Scenario(**values)
    assert SPACE[SPACE.index(scenario)] == scenario


@pytest.mark.parametrize("number", [-1, len(SPACE)])
def test_numbers_outside_are_refused(number):
    with pytest.raises(IndexError, match="outside"):
        SPACE[number]


def test_scenarios_outside_are_refused():
    with pytest.raises(ValueError, match="extent=4"):
        SPACE.index(replace(SPACE[0], extent=4))


@pytest.mark.parametrize("light", LIGHTS)
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


def test_blur_in_linear_light_adds_up_light():
    """Half black, half white: grey of half the light, 188 in sRGB, in place of 128."""
    image = np.zeros((1, 41, 3), np.uint8)
    image[:, ::2] = 255
    encoded = Scenario("line", 31, 0.0, 0, 1.0, 1.0, 1.0, 0.0, 0, "noise-jpeg")
    linear = replace(encoded, light="linear")
    assert abs(int(encoded.apply(image)[0, 20, 0]) - 127.5) < 6
    assert abs(int(linear.apply(image)[0, 20, 0]) - 188) < 5


def test_linear_light_doubles_the_space_and_keeps_the_numbers_of_each_half():
    both = BlurSpace(factors={"light": ["encoded", "linear"]})
    assert len(both) == 2 * len(SPACE)
    linear = BlurSpace(factors={"light": ["linear"]})
    assert linear[123456789] == replace(SPACE[123456789], light="linear")


def test_sigmas_are_the_numbers_that_they_are_written_as():
    assert SPACE.factors["sigma_x"][:5] == (0.4, 0.6, 0.8, 1.0, 1.2)
    assert SPACE.index(replace(SPACE[0], sigma_x=1.2, sigma_y=4.2)) > 0


def test_enlarged_pictures_keep_the_numbers_of_the_others():
    four_times = BlurSpace(factors={"shrink": [4.0], "interpolation": ["lanczos"]})
    assert len(four_times) == len(SPACE)
    assert four_times[123456789] == replace(SPACE[123456789], shrink=4.0, interpolation="lanczos")
    assert len(BlurSpace({"shrink": [1, 2, 4]})) == 3 * len(SPACE)


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


@pytest.mark.parametrize("interpolation", NAMES["interpolation"])
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
def test_no_kernel_reaches_beyond_the_reach(kind):
    space = BlurSpace({"kind": [kind], "extent": [3, 31], "angle": [0.0, 45.0]})
    rng = np.random.default_rng(0)
    radii = [space[space.sample(rng)].kernel().shape[0] // 2 for _ in range(200)]
    assert 0.5 * space.reach < max(radii) <= space.reach


def test_a_number_gives_the_same_bytes_in_another_process():
    number = SPACE.sample(np.random.default_rng(11))
    code = (
        "import numpy as np, sys, zlib; from smfd_plugin.data.blur_space import BlurSpace;"
        "image = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3).astype(np.uint8);"
        f"print(zlib.crc32(BlurSpace().apply(image, {number}).tobytes()))"
    )
    runs = {subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)}
    assert len(runs) == 1
    image = textured()
    assert np.array_equal(SPACE.apply(image, number), SPACE.apply(image, number))


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
        SPACE.apply(image, 0)


def test_numbers_of_numpy_are_numbers():
    space = BlurSpace({"extent": list(np.arange(3, 8)), "noise": [np.float32(2)]})
    assert space.factors["extent"] == (3, 4, 5, 6, 7)
    assert {type(value) for value in space.factors["extent"]} == {int}
    assert type(space[0].noise) is float


def test_sampling_is_uniform_over_values():
    rng = np.random.default_rng(0)
    kinds = [SPACE[SPACE.sample(rng)].kind for _ in range(6000)]
    counts = [kinds.count(kind) for kind in KINDS]
    assert min(counts) > 850
    assert max(counts) < 1150


def test_weights_favour_values():
    space = BlurSpace(weights={"kind": [0, 3, 0, 1, 0, 0]})
    rng = np.random.default_rng(0)
    kinds = [space[space.sample(rng)].kind for _ in range(2000)]
    assert set(kinds) == {"shake", "gaussian"}
    assert kinds.count("shake") == pytest.approx(1500, abs=80)


def test_factors_can_be_replaced():
    space = BlurSpace(factors={"kind": ["line"], "extent": [9], "noise": [0.0]})
    assert len(space) == len(SPACE) // (6 * 15 * 8)
    assert space[0].extent == 9


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_blur_is_a_blur(kind):
    factors = {name: [least] for name, (least, _) in LIMITS.items() if name != "angle"}
    kernel = BlurSpace(factors | {"kind": [kind]})[0].kernel()
    assert kernel.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factors": {"sigma": [1]}}, r"blur\.factors has no option 'sigma'; is it sigma_y\?"),
        ({"factors": ["light"]}, "blur factors need a list of values for each name"),
        ({"factors": {"extent": [[3, 5]]}}, r"blur factor 'extent' cannot be \[3, 5\]"),
        ({"factors": {"extent": []}}, "distinct values"),
        ({"factors": {"extent": [3, 3]}}, "distinct values"),
        ({"factors": {"extent": 15}}, "'extent' needs a list of values, not 15"),
        ({"factors": {"kind": "line"}}, "'kind' needs a list of values, not 'line'"),
        ({"factors": {"extent": [3, 1]}}, "'extent' cannot be 1; it is a number from 2 to inf"),
        ({"factors": {"sigma_x": [0.0]}}, "'sigma_x' cannot be 0.0; it is a number from 0.01"),
        ({"factors": {"noise": [float("nan")]}}, "'noise' cannot be nan"),
        ({"factors": {"sigma_x": [float("inf")]}}, "'sigma_x' cannot be inf"),
        ({"factors": {"noise": ["much"]}}, "'noise' cannot be 'much'"),
        ({"factors": {"jpeg": [150]}}, "'jpeg' cannot be 150; it is a whole number from 0 to 100"),
        ({"factors": {"seed": [0.5]}}, "'seed' cannot be 0.5; it is a whole number"),
        ({"factors": {"kind": ["zoom"]}}, "'kind' cannot be zoom; known: line"),
        (
            {"factors": {"light": ["linear", "dim"]}},
            "'light' cannot be dim; known: encoded, linear",
        ),
        ({"factors": {"order": ["jpeg"]}}, "'order' cannot be jpeg; known: noise-jpeg"),
        ({"weights": [1]}, "weights need a list of numbers for each name"),
        ({"weights": {"colour": [1]}}, r"blur\.weights has no option 'colour'; there are angle, "),
        ({"weights": {"kind": [1, 2]}}, "needs 6 weights"),
        ({"weights": {"kind": [0] * 6}}, "not all zero"),
        ({"weights": {"order": [1, float("nan")]}}, r"weights that are finite, not \[1, nan\]"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BlurSpace(**arguments)
