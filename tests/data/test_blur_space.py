import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.scenario import FACTORS, KINDS, Scenario

SPACE = BlurSpace()
numbers = st.integers(0, len(SPACE) - 1)


def test_has_about_one_point_seven_four_trillion_scenarios():
    assert len(SPACE) == 1_741_824_000_000


@given(numbers)
def test_number_and_scenario_are_a_bijection(number):
    assert SPACE.index(SPACE[number]) == number


@given(
    st.fixed_dictionaries(
        {name: st.sampled_from(factor.default) for name, factor in FACTORS.items()}
    )
)
def test_every_combination_of_values_has_a_number(values):
    scenario = Scenario(**values)
    assert SPACE[SPACE.index(scenario)] == scenario


def test_the_last_factor_varies_fastest_and_numbers_keep_their_meaning():
    """They lie in lists and logs."""
    orders = FACTORS["order"].default
    assert [SPACE[number].order for number in range(3)] == [*orders, orders[0]]
    assert SPACE[1_234_567_890_123] == Scenario(
        "anisotropic", 9, 140.0, 531, 3.8, 4.2, 1.0, 3.0, 0, "jpeg-noise"
    )


@pytest.mark.parametrize("number", [-1, len(SPACE)])
def test_numbers_outside_are_refused(number):
    with pytest.raises(IndexError, match="outside"):
        SPACE[number]


def test_scenarios_outside_are_refused():
    with pytest.raises(ValueError, match="extent=4"):
        SPACE.index(replace(SPACE[0], extent=4))


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"factors": {"sigma": [1]}},
            r"blur\.factors has no option 'sigma'; did you mean sigma_y\?",
        ),
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
        ({"weights": {"haze": [1]}}, r"blur\.weights has no option 'haze'; there are angle, "),
        ({"weights": {"kind": [1, 2]}}, "needs 6 weights"),
        ({"weights": {"kind": [0] * 6}}, "not all zero"),
        ({"weights": {"order": [1, float("nan")]}}, r"weights that are finite, not \[1, nan\]"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BlurSpace(**arguments)
