import math

import pytest
import torch
from torch import nn

from smfd_plugin.archs.diffusion_blocks import (
    AttentionBlock,
    Downsample,
    ResBlock,
    Upsample,
    timestep_embedding,
)


def test_the_embedding_holds_cosines_then_sines():
    embedding = timestep_embedding(torch.tensor([0, 500]), 8)
    assert embedding[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    angles = [500 * 10_000 ** (-i / 4) for i in range(4)]
    expected = [*map(math.cos, angles), *map(math.sin, angles)]
    assert embedding[1].tolist() == pytest.approx(expected, abs=1e-4)


def test_the_size_is_halved_and_doubled():
    x = torch.rand(1, 32, 8, 12)
    assert Downsample(32)(x).shape == (1, 32, 4, 6)
    assert Upsample(32)(x).shape == (1, 32, 16, 24)


def test_fresh_blocks_are_the_identity():
    x, embedding = torch.rand(2, 32, 8, 8), torch.rand(2, 16)
    assert torch.equal(ResBlock(32, 32, 16)(x, embedding), x)
    assert torch.equal(AttentionBlock(32, 16)(x), x)


def test_the_embedding_scales_and_shifts_the_second_normalisation():
    torch.manual_seed(0)
    block = ResBlock(32, 64, 16)
    nn.init.normal_(block.out_layers[3].weight)
    linear = block.emb_layers[1]
    nn.init.zeros_(linear.weight)
    nn.init.constant_(linear.bias[:64], -1.0)  # scale of 0
    nn.init.constant_(linear.bias[64:], 0.0)  # and no shift: nothing of the branch remains
    x = torch.rand(1, 32, 8, 8)
    torch.testing.assert_close(block(x, torch.rand(1, 16)), block.skip_connection(x))


def test_attention_is_softmax_attention_of_each_head():
    torch.manual_seed(0)
    block = AttentionBlock(64, head_channels=32)
    nn.init.eye_(block.proj_out.weight[:, :, 0])
    x = torch.randn(1, 64, 3, 4)
    flat = block.norm(x.flatten(2))
    expected = x.flatten(2).clone()
    for head in range(2):
        q, k, v = block.qkv(flat)[0, 96 * head : 96 * (head + 1)].split(32)
        weights = (q.T @ k / 32**0.5).softmax(1)
        expected[0, 32 * head : 32 * (head + 1)] += v @ weights.T
    torch.testing.assert_close(block(x).flatten(2), expected, atol=1e-5, rtol=1e-4)
