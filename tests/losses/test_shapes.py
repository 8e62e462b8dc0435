import pytest
import torch

from smfd_plugin.losses import FrequencyLoss, SSIMLoss
from smfd_plugin.losses.shapes import check_same_shape


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (2, 1, 16, 16), (2, 3, 16, 1)])
def test_pictures_that_would_be_stretched_to_one_shape_are_refused(shape):
    check_same_shape(torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 16, 16))
    for loss in (check_same_shape, FrequencyLoss(), SSIMLoss()):
        with pytest.raises(ValueError, match=r"one shape, not \(2, 3, 16, 16\) and \("):
            loss(torch.zeros(2, 3, 16, 16), torch.zeros(shape))
