import pytest
import torch
from torch import Tensor, nn
from torch.backends import mha
from torch.nn import functional as F

from smfd_plugin.benchmark.operations import count_operations, count_parameters

LENGTH, WIDTH, HEADS = 16, 8, 2
ATTENTION = 2 * 2 * LENGTH * LENGTH * WIDTH
"""Queries by keys, and weights by values, in all heads together."""
PROJECTION = 2 * LENGTH * WIDTH * WIDTH


def test_a_convolution_by_hand():
    net = nn.Conv2d(3, 5, 3, padding=1, bias=False)
    assert count_parameters(net) == 3 * 5 * 9
    assert count_operations(net, torch.zeros(1, 3, 8, 8)) == 2 * 3 * 5 * 9 * 8 * 8


def test_attention_by_hand():
    def attend(x: Tensor) -> Tensor:
        heads = x.unflatten(-1, (HEADS, -1)).transpose(1, 2)
        return F.scaled_dot_product_attention(heads, heads, heads)

    assert count_operations(attend, torch.rand(1, LENGTH, WIDTH)) == ATTENTION


def test_attention_with_its_projections_by_hand():
    net = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).eval()
    x = torch.rand(1, LENGTH, WIDTH)
    assert count_operations(net, x, x, x) == ATTENTION + 4 * PROJECTION


def test_a_failure_leaves_torch_as_it_was():
    def fail():
        assert not mha.get_fastpath_enabled()
        raise MemoryError

    with pytest.raises(MemoryError):
        count_operations(fail)
    assert mha.get_fastpath_enabled()
