import math

import pytest
import torch
from basicsr.losses import build_loss

from smfd_plugin.losses import MaskLoss


def test_uniform_logits_cost_log_k_plus_dice():
    mask = torch.zeros(1, 4, 4, dtype=torch.int64)
    loss = MaskLoss(dice_weight=0)(torch.zeros(1, 7, 4, 4), mask, torch.tensor([True]))
    assert loss.item() == pytest.approx(math.log(7))


def test_dice_of_two_classes_by_hand():
    # Everything is class 0 and the probabilities are 1/2 each, over 16 pixels:
    # class 0: (2 * 8 + 1) / (8 + 16 + 1), class 1: (0 + 1) / (8 + 0 + 1).
    mask = torch.zeros(1, 4, 4, dtype=torch.int64)
    loss = MaskLoss()(torch.zeros(1, 2, 4, 4), mask, torch.tensor([True])).item()
    assert loss == pytest.approx(math.log(2) + 1 - (17 / 25 + 1 / 9) / 2)


def test_the_right_answer_costs_nothing():
    mask = torch.randint(0, 5, (2, 8, 8))
    logits = 50.0 * torch.nn.functional.one_hot(mask, 5).movedim(-1, 1).float()
    assert MaskLoss()(logits, mask, torch.tensor([True, True])).item() < 1e-3


def test_faces_without_a_mask_take_no_part():
    logits = torch.randn(3, 5, 8, 8, requires_grad=True)
    mask = torch.randint(0, 5, (3, 8, 8))
    known = torch.tensor([True, False, True])
    loss = MaskLoss()(logits, mask, known)
    assert loss.item() == pytest.approx(
        MaskLoss()(logits[known], mask[known], torch.tensor([True, True])).item()
    )
    loss.backward()
    assert not logits.grad[1].any()
    assert logits.grad[0].any()


def test_a_batch_without_any_mask_gives_a_zero_that_can_be_differentiated():
    logits = torch.randn(2, 5, 8, 8, requires_grad=True)
    loss = MaskLoss()(logits, torch.zeros(2, 8, 8, dtype=torch.int64), torch.zeros(2) > 0)
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_a_batch_without_any_mask_does_not_overflow_in_16_bits():
    logits = torch.full((1, 5, 128, 128), 9.0, dtype=torch.float16, requires_grad=True)
    loss = MaskLoss()(logits, torch.zeros(1, 128, 128, dtype=torch.int64), torch.zeros(1) > 0)
    assert loss.item() == 0


def test_loss_weight_scales():
    arguments = torch.randn(1, 5, 4, 4), torch.zeros(1, 4, 4).long(), torch.tensor([True])
    assert build_loss({"type": "MaskLoss", "loss_weight": 0.1})(*arguments).item() == (
        pytest.approx(0.1 * MaskLoss()(*arguments).item())
    )
