import pytest
import torch
from basicsr.archs import build_network
from torch import nn

from smfd_plugin.archs import DiffusionUNet

SMALL = {
    "image_size": 32,
    "channel_mult": (1, 2),
    "num_res_blocks": 1,
    "attention_resolutions": (16,),
    "num_head_channels": 32,
}


def awake_network() -> DiffusionUNet:
    """A network none of whose layers is zero any more."""
    torch.manual_seed(0)
    net = DiffusionUNet(**SMALL)
    for parameter in net.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.05)
    return net.eval()


def test_the_default_network_has_the_names_and_shapes_of_the_published_checkpoint():
    with torch.device("meta"):
        state = DiffusionUNet().state_dict()
    shapes = {
        "time_embed.2.weight": (128, 128),
        "input_blocks.0.0.weight": (32, 3, 3, 3),
        "input_blocks.1.0.in_layers.2.weight": (32, 32, 3, 3),
        "input_blocks.2.0.op.weight": (32, 32, 3, 3),
        "input_blocks.3.0.emb_layers.1.weight": (128, 128),
        "input_blocks.3.0.skip_connection.weight": (64, 32, 1, 1),
        "input_blocks.13.1.qkv.weight": (768, 256, 1),
        "middle_block.1.proj_out.weight": (512, 512, 1),
        "middle_block.2.out_layers.3.weight": (512, 512, 3, 3),
        "output_blocks.4.2.conv.weight": (512, 512, 3, 3),
        "output_blocks.22.0.out_layers.0.weight": (32,),
        "out.2.weight": (6, 32, 3, 3),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    assert sum(value.numel() for value in state.values()) == 159_788_454
    assert not any(name.startswith("input_blocks.10.1") for name in state)  # 64 pixels: none


@pytest.mark.parametrize("size", [(32, 32), (16, 48)])
def test_gives_noise_and_variance_of_the_input_size(size):
    net = awake_network()
    x = torch.randn(2, 3, *size)
    output = net(x, torch.tensor([0, 999]))
    assert output.shape == (2, 6, *size)
    assert output.std() > 0.1


def test_a_fresh_network_gives_zeros():
    assert not DiffusionUNet(**SMALL)(torch.randn(1, 3, 32, 32), torch.tensor([5])).any()


def test_every_picture_has_its_own_timestep():
    net, x = awake_network(), torch.randn(2, 3, 32, 32)
    together = net(x, torch.tensor([3, 700]))
    torch.testing.assert_close(together[1:], net(x[1:], torch.tensor([700])), atol=1e-5, rtol=1e-4)
    assert (together[:1] - net(x[:1], torch.tensor([700]))).abs().max() > 1e-3


def test_gradients_reach_every_parameter():
    net = awake_network()
    net(torch.randn(2, 3, 32, 32), torch.tensor([3, 700])).square().mean().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_computes_in_the_type_of_its_weights_and_answers_in_the_inputs(dtype):
    net, x, t = awake_network(), torch.randn(1, 3, 32, 32), torch.tensor([999])
    exact = net(x, t)
    output = net.to(dtype)(x, t)
    assert output.dtype == torch.float32
    assert 0 < (output - exact).abs().max() < 0.1 * exact.abs().max()


def test_is_built_from_an_option_file_entry():
    options = {name: list(v) if isinstance(v, tuple) else v for name, v in SMALL.items()}
    assert isinstance(build_network({"type": "DiffusionUNet", **options}), DiffusionUNet)


def test_a_size_that_does_not_halve_is_refused():
    with pytest.raises(ValueError, match="33x32 pixels; both must be multiples of 2"):
        awake_network()(torch.randn(1, 3, 32, 33), torch.tensor([5]))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"model_channels": 48}, "model_channels is 48; 32 must divide it"),
        ({"num_res_blocks": (1, 1, 1)}, "num_res_blocks has 3 numbers and channel_mult 2"),
        ({"num_head_channels": 48}, "num_head_channels is 48; it must divide 64"),
    ],
)
def test_hyper_parameters_that_do_not_fit_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        DiffusionUNet(**SMALL | options)
