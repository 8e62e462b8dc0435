import pytest
import torch
from basicsr.losses import build_loss

from smfd_plugin.losses import FrequencyLoss


def test_equal_pictures_cost_nothing():
    image = torch.rand(2, 3, 16, 16)
    assert FrequencyLoss()(image, image).item() == 0


def test_a_constant_difference_is_one_coefficient():
    gt = torch.rand(1, 1, 8, 8)
    # rfft2 of 8x8 has 8 * 5 complex values; a constant d gives one real value of 8 * d.
    assert FrequencyLoss()(gt + 0.5, gt).item() == pytest.approx(8 * 0.5 / (8 * 5 * 2), rel=1e-4)


def test_half_precision_is_computed_in_float32():
    image = torch.rand(1, 3, 16, 16)
    loss = build_loss({"type": "FrequencyLoss", "loss_weight": 2.0})
    assert loss(image.bfloat16(), image).dtype == torch.float32
    assert loss(image + 0.1, image).item() == pytest.approx(
        2 * FrequencyLoss()(image + 0.1, image).item()
    )


def test_has_the_gradient_that_differences_have():
    torch.manual_seed(0)
    image, gt = torch.rand(2, 1, 2, 6, 7, dtype=torch.float64)
    assert torch.autograd.gradcheck(FrequencyLoss(), (image.requires_grad_(), gt))
