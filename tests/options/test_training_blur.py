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


def test_fine_tuning_sees_the_noise_of_the_dark(read_options):
    space = BlurSpace(**read_options("smfd_finetune")["datasets"]["train"]["blur"])
    rng = np.random.default_rng(0)
    drawn = [space[space.sample(rng)].noise for _ in range(3000)]
    assert (min(drawn), max(drawn)) == (0, 30)
    assert np.mean([noise > 10 for noise in drawn]) == pytest.approx(3 / 11, abs=0.03)
