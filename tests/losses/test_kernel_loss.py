import math

import pytest
import torch
from basicsr.losses import build_loss

from smfd_plugin.losses import KernelLoss


def test_divergence_by_hand():
    # All of the true kernel lies where the estimate has a quarter, or half of it there and there.
    estimate = torch.full((2, 2, 2), 0.25).log()
    kernel = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[0.5, 0.5], [0.0, 0.0]]])
    expected = (math.log(4) + math.log(2)) / 2
    assert KernelLoss()(estimate, kernel).item() == pytest.approx(expected)


def test_the_true_kernel_costs_nothing():
    log_kernel = torch.randn(3, 25).log_softmax(1).view(3, 5, 5)
    assert KernelLoss()(log_kernel, log_kernel.exp()).item() == pytest.approx(0, abs=1e-6)


def test_is_built_from_an_option_file_entry_with_its_weight():
    log_kernel = torch.randn(1, 9).log_softmax(1).view(1, 3, 3)
    kernel = torch.full((1, 3, 3), 1 / 9)
    half = build_loss({"type": "KernelLoss", "loss_weight": 0.5})
    assert half(log_kernel, kernel).item() == pytest.approx(
        KernelLoss()(log_kernel, kernel).item() / 2
    )
