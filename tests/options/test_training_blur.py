"""What blur the training option files draw."""

import numpy as np
import pytest

from smfd_plugin.data.blur_space import BlurSpace


@pytest.mark.parametrize("name", ["smfd", "smfd_finetune", "smfd_tiny", "smfd_tiny_finetune"])
def test_a_third_is_in_linear_light_and_long_motion_is_frequent(read_options, name):
    space = BlurSpace(**read_options(name)["datasets"]["train"]["blur"])
    rng = np.random.default_rng(0)
    drawn = [space[space.sample(rng)] for _ in range(3000)]
    assert np.mean([each.light == "linear" for each in drawn]) == pytest.approx(1 / 3, abs=0.03)
    assert np.mean([each.extent >= 15 for each in drawn]) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("name", ["smfd_finetune", "smfd_tiny_finetune"])
def test_fine_tuning_sees_noise_of_all_sorts_enlarged_pictures_and_film(read_options, name):
    space = BlurSpace(**read_options(name)["datasets"]["train"]["blur"])
    rng = np.random.default_rng(0)
    drawn = [space[space.sample(rng)] for _ in range(3000)]
    noise = [each.noise for each in drawn]
    assert (min(noise), max(noise)) == (0, 30)
    assert np.mean([each > 10 for each in noise]) == pytest.approx(3 / 11, abs=0.03)
    shrink = [each.shrink for each in drawn]
    assert (min(shrink), max(shrink)) == (1, 8)
    assert np.mean([each > 1 for each in shrink]) == pytest.approx(1 / 3, abs=0.03)
    assert {each.interpolation for each in drawn} == {"linear", "cubic", "lanczos"}
    grain = [each.grain for each in drawn]
    assert (min(grain), max(grain)) == (0, 2)
    assert np.mean([each > 0 for each in grain]) == pytest.approx(1 / 3, abs=0.03)
    assert np.mean([each.noise_colour == "grey" for each in drawn]) == pytest.approx(
        1 / 3, abs=0.03
    )
    assert np.mean([0 < each.jpeg < 60 for each in drawn]) == pytest.approx(1 / 8, abs=0.03)
