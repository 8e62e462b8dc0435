import numpy as np
import pytest
import torch

from smfd_plugin.data.tensors import from_tensor, to_tensor


def test_a_coloured_picture_becomes_rgb_and_comes_back():
    orange = np.full((8, 9, 3), (0, 128, 255), np.uint8)  # BGR
    tensor = to_tensor(orange)
    assert tensor.shape == (1, 3, 8, 9)
    assert tensor[0, :, 0, 0].tolist() == pytest.approx([1, 128 / 255, 0])
    assert (from_tensor(tensor) == orange).all()


def test_values_out_of_range_are_clamped_and_others_rounded():
    picture = from_tensor(torch.tensor([-0.5, 0.5, 1.5]).view(1, 3, 1, 1))
    assert picture[0, 0].tolist() == [255, 128, 0]
    with pytest.raises(ValueError, match="not finite"):
        from_tensor(torch.full((1, 3, 2, 2), float("nan")))
