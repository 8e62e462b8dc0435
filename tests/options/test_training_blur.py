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
