import shutil

import pytest
import torch

from smfd_plugin.archs.blocks import (
    CBAM,
    MaskFusion,
    PixelShuffleUpsample,
    ResidualDenseConv,
    pad_to_multiple,
)


def test_cbam_gates_lie_between_zero_and_one():
    x = torch.rand(2, 16, 9, 7) + 0.1
    ratio = CBAM(16)(x) / x
    assert ratio.min() >= 0
    assert ratio.max() <= 1


def test_cbam_channel_gate_comes_from_average_and_maximum():
    module = CBAM(8)
    module.spatial.weight.data.zero_()
    module.spatial.bias.data.fill_(100.0)  # spatial gate open
    x = torch.rand(1, 8, 5, 5)
    hidden = module.mlp(x.mean((2, 3), keepdim=True)) + module.mlp(x.amax((2, 3), keepdim=True))
    torch.testing.assert_close(module(x), x * hidden.sigmoid())


def test_residual_dense_conv_is_identity_when_its_fusion_is_zero():
    block = ResidualDenseConv(12, 4)
    block.fuse.weight.data.zero_()
    block.fuse.bias.data.zero_()
    x = torch.rand(1, 12, 8, 8)
    assert torch.equal(block(x), x)


def test_residual_dense_conv_layers_see_everything_before_them():
    block = ResidualDenseConv(12, 4, depth=3)
    assert [layer[0].in_channels for layer in block.dense] == [12, 16, 20]
    assert block.fuse.in_channels == 24


def test_pixel_shuffle_upsample_doubles_the_size():
    assert PixelShuffleUpsample(6, 5)(torch.rand(1, 6, 4, 3)).shape == (1, 5, 8, 6)


def test_mask_fusion_scales_and_shifts():
    fusion = MaskFusion(4, 3)
    fusion.scale_shift.bias.data = torch.tensor([0.5] * 4 + [2.0] * 4)
    x = torch.rand(1, 4, 6, 6)
    torch.testing.assert_close(fusion(x, torch.rand(1, 3, 6, 6)), 1.5 * x + 2)


def test_mask_fusion_changes_nothing_at_first():
    x = torch.rand(1, 4, 6, 6)
    assert torch.equal(MaskFusion(4, 3)(x, torch.rand(1, 3, 6, 6)), x)


def test_mask_fusion_depends_on_the_masks_only_nearby():
    fusion = MaskFusion(4, 3)
    torch.nn.init.normal_(fusion.scale_shift.weight)
    x, masks = torch.rand(1, 4, 16, 16), torch.rand(1, 3, 16, 16)
    changed = masks.clone()
    changed[..., :4, :4] = 0
    difference = (fusion(x, masks) - fusion(x, changed)).abs().sum(1)[0]
    assert difference[:4, :4].max() > 0
    assert difference[6:, 6:].max() == 0


@pytest.mark.parametrize(("size", "padded"), [(32, 32), (33, 48), (47, 48)])
def test_pad_to_multiple_repeats_the_far_edge(size, padded):
    x = torch.rand(1, 3, size, 32)
    y = pad_to_multiple(x, 16)
    assert y.shape == (1, 3, padded, 32)
    assert torch.equal(y[..., :size, :], x)
    assert torch.equal(y[..., -1, :], x[..., -1, :])


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++")
def test_compiled_blocks_have_finite_gradients_in_bfloat16():
    # Compiled code computes a maximum twice, and may not find it again in 16 bits.
    torch.manual_seed(0)
    block = ResidualDenseConv(8, 4, depth=1).to(memory_format=torch.channels_last)
    x = torch.randn(2, 8, 16, 16).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        torch.compile(block)(x).float().abs().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in block.parameters())
