import numpy as np
import pytest
import torch
from basicsr.losses import build_loss
from basicsr.metrics import calculate_ssim

from smfd_plugin.losses import SSIMLoss


def test_is_what_the_metric_leaves_to_one():
    gt = np.random.default_rng(0).integers(0, 256, (48, 40, 3), np.uint8)
    image = np.clip(gt + np.random.default_rng(1).normal(0, 20, gt.shape), 0, 255).astype(np.uint8)
    metric = calculate_ssim(image, gt, crop_border=0)
    x, y = (torch.from_numpy(a).permute(2, 0, 1)[None] / 255 for a in (image, gt))
    assert SSIMLoss()(x, y).item() == pytest.approx(1 - metric, abs=1e-5)


def test_equal_pictures_cost_nothing():
    image = torch.rand(2, 3, 16, 16)
    assert SSIMLoss()(image, image).item() == pytest.approx(0, abs=1e-6)


def test_a_picture_smaller_than_the_window_is_named():
    with pytest.raises(ValueError, match="SSIMLoss needs 11 pixels a side"):
        SSIMLoss()(torch.zeros(1, 3, 10, 64), torch.zeros(1, 3, 10, 64))


def test_half_precision_is_computed_in_float32_and_weighed():
    image, gt = torch.rand(2, 1, 3, 16, 16)
    loss = build_loss({"type": "SSIMLoss", "loss_weight": 0.5})
    assert loss(image.bfloat16(), gt.bfloat16()).dtype == torch.float32
    assert loss(image, gt).item() == pytest.approx(SSIMLoss()(image, gt).item() / 2)


def test_has_the_gradient_that_differences_have():
    torch.manual_seed(0)
    image, gt = torch.rand(2, 1, 2, 12, 13, dtype=torch.float64)
    assert torch.autograd.gradcheck(SSIMLoss().double(), (image.requires_grad_(), gt))
    assert SSIMLoss()(image, gt).dtype == torch.float64


def test_pulls_a_blurry_picture_towards_the_sharp_one():
    gt = torch.rand(1, 3, 24, 24)
    image = torch.nn.functional.avg_pool2d(gt, 3, 1, 1).requires_grad_()
    loss = SSIMLoss()(image, gt)
    loss.backward()
    assert SSIMLoss()(image - 100 * image.grad, gt) < loss


@pytest.mark.gpu
def test_the_gpu_computes_the_same():
    gt = torch.rand(2, 3, 64, 64)
    image = (gt + 0.02 * torch.randn_like(gt)).clamp(0, 1)
    on_gpu = SSIMLoss().cuda()(image.cuda(), gt.cuda()).item()
    assert on_gpu == pytest.approx(SSIMLoss()(image, gt).item(), rel=1e-3)
