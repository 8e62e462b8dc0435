"""What blur the training option files draw."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from basicsr.utils.options import ordered_yaml

from smfd_plugin.data.blur_space import BlurSpace

FOLDER = Path(__file__).parents[2] / "options"


@pytest.mark.parametrize("name", ["smfd", "smfd_finetune", "smfd_tiny", "smfd_tiny_finetune"])
def test_a_third_is_in_linear_light_and_long_motion_is_frequent(name):
    options = yaml.load((FOLDER / f"{name}.yml").read_text(), ordered_yaml()[0])
    space = BlurSpace(**options["datasets"]["train"]["blur"])
    rng = np.random.default_rng(0)
    drawn = [space[space.sample(rng)] for _ in range(3000)]
    assert np.mean([each.light == "linear" for each in drawn]) == pytest.approx(1 / 3, abs=0.03)
    assert np.mean([each.extent >= 15 for each in drawn]) == pytest.approx(0.75, abs=0.03)
