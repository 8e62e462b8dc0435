"""Our weights in spandrel, recognised by nothing but their names and shapes."""

import pytest
import torch
from spandrel import MAIN_REGISTRY, ModelLoader

import smfd_plugin.spandrel  # noqa: F401
from smfd_plugin.archs import SMFDUNet
from smfd_plugin.weights import load_network

HYPER_PARAMETERS = {
    "num_classes": 4,
    "widths": (8, 12, 16),
    "growths": (4, 6, 8),
    "encoder_blocks": (2, 1, 3),
    "decoder_blocks": (1, 2),
    "mask_widths": (8, 12),
    "kernel_widths": (4, 6),
}


@torch.no_grad()
def test_hyper_parameters_are_read_off_the_weights():
    torch.manual_seed(0)
    net = SMFDUNet(**HYPER_PARAMETERS).eval()
    torch.nn.init.normal_(net.tail.weight, std=0.02)
    torch.nn.init.normal_(net.deconvolution.stem.weight, std=0.1)
    model = ModelLoader().load_from_state_dict(net.state_dict())
    assert model.architecture.id == "SMFDUNet"
    assert (model.scale, model.input_channels, model.purpose) == (1, 3, "Restoration")
    lq = torch.rand(1, 3, 40, 52)
    assert torch.allclose(model(lq), net(lq).clamp(0, 1), atol=1e-6)
    assert not torch.allclose(model(lq), lq, atol=1e-3)


@torch.no_grad()
def test_the_shipped_file_loads():
    from smfd_plugin.weights.files import DEFAULT, SHIPPED

    model = ModelLoader().load_from_file(SHIPPED / f"{DEFAULT}.pth")
    lq = torch.rand(1, 3, 64, 64)
    assert torch.allclose(model(lq), load_network()(lq).clamp(0, 1), atol=1e-5)


def test_small_pictures_are_padded(tiny_net):
    model = ModelLoader().load_from_state_dict(tiny_net.state_dict())
    assert model(torch.rand(1, 3, 20, 33)).shape == (1, 3, 20, 33)


def test_no_other_architecture_claims_our_weights(tiny_net):
    state = tiny_net.state_dict()
    claims = [support.architecture.id for support in MAIN_REGISTRY if support.detect(state)]
    assert claims == ["SMFDUNet"]


@pytest.mark.parametrize("name", ["tail.weight", "encoder_fusion.0.scale_shift.weight"])
def test_weights_of_half_a_network_are_not_claimed(tiny_net, name):
    state = dict(tiny_net.state_dict())
    del state[name]
    assert not MAIN_REGISTRY["SMFDUNet"].detect(state)
