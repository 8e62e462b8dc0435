import pytest
import torch
from basicsr.archs import build_network

from smfd_plugin.archs import SRCNNEstimator, SwinIREstimator

SMALL = {
    "SwinIREstimator": {"img_size": 8, "embed_dim": 12, "depths": [2], "num_heads": [2]},
    "SRCNNEstimator": {"width": 8, "depth": 1},
}


def small(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_network({"type": name, **SMALL[name]}).eval()


def test_the_default_swinir_has_the_names_and_shapes_of_the_published_checkpoint():
    state = SwinIREstimator().state_dict()
    shapes = {
        "conv_first.1.weight": (180, 192, 3, 3),
        "layers.7.residual_group.blocks.5.attn.qkv.weight": (540, 180),
        "layers.0.residual_group.blocks.1.attn_mask": (64, 64, 64),
        "conv_up3.weight": (64, 64, 3, 3),
        "conv_last.weight": (3, 64, 3, 3),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    assert "conv_first.weight" not in state


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [(64, 64), (61, 130)])
def test_keeps_any_size(name, size):
    with torch.no_grad():
        assert small(name)(torch.rand(2, 3, *size)).shape == (2, 3, *size)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_parameter(name):
    net = small(name)
    net(torch.rand(1, 3, 64, 64)).square().mean().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_srcnn_adds_a_residual_to_the_input():
    net = SRCNNEstimator(width=8, depth=1)
    torch.nn.init.zeros_(net.layers[-1].weight)
    torch.nn.init.zeros_(net.layers[-1].bias)
    lq = torch.rand(1, 3, 30, 30)
    assert torch.equal(net(lq), lq)


def test_swinir_can_be_built_without_memory():
    with torch.device("meta"):
        net = SwinIREstimator(img_size=8, embed_dim=12, depths=[2], num_heads=[2])
    assert all(value.is_meta for value in net.state_dict().values())
