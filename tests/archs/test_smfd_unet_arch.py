import re
from pathlib import Path

import pytest
import torch
import yaml
from basicsr.archs import build_network
from basicsr.utils.options import ordered_yaml
from torch.utils.flop_counter import FlopCounterMode

from smfd_plugin.archs import SemanticMaskGenerator, SMFDUNet
from smfd_plugin.archs.deconvolution import KERNEL_SIZE

OPTIONS = Path(__file__).parents[2] / "options"

SMALL = {
    "kernel_widths": (4, 8),
    "widths": (8, 12, 16, 16),
    "growths": (4, 4, 8, 8),
    "encoder_blocks": (1, 1, 1, 1),
    "decoder_blocks": (1, 1, 1),
    "mask_widths": (8, 8, 8, 8),
}


def awake_network(seed: int = 0, **hyper_parameters) -> SMFDUNet:
    """A network that masks steer and that changes its input: no layer is zero any longer."""
    torch.manual_seed(seed)
    net = SMFDUNet(**hyper_parameters or SMALL)
    for fusion in (*net.encoder_fusion, *net.decoder_fusion):
        torch.nn.init.normal_(fusion.scale_shift.weight, std=0.1)
    torch.nn.init.normal_(net.tail.weight, std=0.05)
    if net.deconvolution:
        torch.nn.init.normal_(net.deconvolution.stem.weight, std=0.1)
    return net


def costs(net: torch.nn.Module) -> tuple[int, int]:
    """Parameters, and FLOPs for a face of 512x512."""
    net = net.to("meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.rand(1, 3, 512, 512, device="meta"))
    return sum(parameter.numel() for parameter in net.parameters()), counter.get_total_flops()


def network_of(file: str) -> torch.nn.Module:
    options = yaml.load((OPTIONS / file).read_text(), ordered_yaml()[0])
    return build_network(options["network_g"])


@pytest.mark.parametrize(
    ("file", "parameters", "flops"),
    [("smfd.yml", 5e6, 30e9), ("smfd_tiny.yml", 1e6, 6e9)],
)
def test_networks_of_the_option_files_keep_their_budgets(file, parameters, flops):
    found = costs(network_of(file))
    assert found[0] <= parameters
    assert found[1] <= flops


def test_the_network_with_a_kernel_is_that_of_its_option_file():
    net = SMFDUNet(kernel_widths=(12, 32, 64, 96))
    assert costs(net) == costs(network_of("smfd.yml"))


@pytest.mark.parametrize("file", ["no_attention", "plain_blocks", "bottleneck_masks", "nafnet"])
def test_networks_that_it_is_compared_with_cost_the_same(file):
    flops = costs(SMFDUNet())[1]
    assert costs(network_of(f"ablations/{file}.yml"))[1] == pytest.approx(flops, rel=0.03)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 40), (100, 131)])
def test_is_the_identity_at_initialisation_for_any_size(size):
    lq = torch.rand(2, 3, *size)
    image, logits = SMFDUNet(**SMALL)(lq, return_masks=True)
    assert torch.equal(image, lq)
    assert logits.shape == (2, 7, *size)


def test_a_trained_network_keeps_any_size_and_ignores_what_lies_outside():
    lq = torch.rand(1, 3, 45, 51)
    assert awake_network()(lq).shape == lq.shape
    assert not torch.equal(awake_network()(lq), lq)


def test_is_deterministic():
    lq = torch.rand(1, 3, 64, 64)
    net = awake_network()
    assert torch.equal(net(lq), net(lq))
    assert torch.equal(awake_network(7)(lq), awake_network(7)(lq))


def test_every_face_of_a_batch_is_its_own():
    net = awake_network().eval()
    lq = torch.rand(3, 3, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(net(lq)[1:2], net(lq[1:2]), atol=1e-5, rtol=1e-5)


def test_gradients_reach_every_parameter_from_the_image_alone():
    net = awake_network(num_classes=7)
    net(torch.rand(2, 3, 64, 64)).square().mean().backward()
    silent = [
        name
        for name, parameter in net.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert silent == []


def test_masks_steer_the_image():
    net = awake_network()
    lq = torch.rand(1, 3, 64, 64)
    first, second = torch.zeros(2, 1, 7, 32, 32)
    first[:, 0] = 1
    second[:, 3] = 1
    assert (net.deblur(lq, first)[0] - net.deblur(lq, second)[0]).abs().max() > 1e-4


@pytest.mark.parametrize(("stages", "steered"), [([], False), ([3], True), ([0], True)])
def test_masks_steer_at_the_guided_stages_only(stages, steered):
    net = awake_network(**SMALL, guided_stages=stages)
    lq = torch.rand(1, 3, 64, 64)
    masks = torch.rand(2, 1, 7, 32, 32).softmax(2)
    assert torch.equal(net.deblur(lq, masks[0])[0], net.deblur(lq, masks[1])[0]) != steered


def test_given_masks_take_the_place_of_the_predicted_ones():
    net = awake_network()
    lq = torch.rand(1, 3, 50, 70)
    masks = torch.rand(1, 7, 50, 70).softmax(1)
    image, logits = net(lq, return_masks=True, masks=masks)
    assert image.shape == lq.shape
    assert not torch.equal(image, net(lq))
    assert torch.equal(logits, net(lq, return_masks=True)[1])


@pytest.mark.parametrize("option", ["attention", "dense"])
def test_parts_can_be_left_out(option):
    net = awake_network(**SMALL, **{option: False})
    lq = torch.rand(1, 3, 50, 70)
    assert net(lq).shape == lq.shape
    names = net.state_dict()
    left_out = {"attention": "encoder.0.0.attention.spatial.weight", "dense": "encoder.0.0.dense"}
    assert not any(name.startswith(left_out[option]) for name in names)


def test_masks_only_are_the_same_logits():
    net = awake_network()
    lq = torch.rand(1, 3, 50, 70)
    assert torch.equal(net(lq, masks_only=True), net(lq, return_masks=True)[1])


def test_returns_the_kernel_that_it_deconvolves_with():
    net = awake_network()
    lq = torch.rand(2, 3, 50, 70)
    image, logits, log_kernel = net(lq, return_masks=True, return_kernel=True)
    assert torch.equal(net(lq, return_masks=True)[1], logits)
    assert torch.equal(net(lq), image)
    assert log_kernel.shape == (2, KERNEL_SIZE, KERNEL_SIZE)
    torch.testing.assert_close(log_kernel.exp().sum((1, 2)), torch.ones(2))


def test_without_kernel_widths_there_is_no_kernel():
    net = awake_network(**SMALL | {"kernel_widths": ()})
    assert net(torch.rand(1, 3, 32, 32), return_kernel=True)[1] is None
    assert not any(name.startswith("deconvolution") for name in net.state_dict())


def test_deconvolution_changes_the_image():
    lq = torch.rand(1, 3, 64, 64)
    net = awake_network()
    before = net(lq)
    torch.nn.init.zeros_(net.deconvolution.stem.weight)
    assert (net(lq) - before).abs().max() > 1e-4


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("value", [0.0, 1.0, -50.0, 3e4])
def test_is_finite_on_extreme_inputs(dtype, value):
    net = awake_network().to(dtype).eval()
    lq = torch.full((1, 3, 64, 64), value, dtype=dtype)
    lq[..., ::2] = 0
    with torch.no_grad():
        image, logits = net(lq, return_masks=True)
    assert image.isfinite().all()
    assert logits.isfinite().all()


def test_both_steps_are_built_from_an_option_file_entry():
    assert isinstance(build_network({"type": "SMFDUNet", **SMALL}), SMFDUNet)
    generator = build_network({"type": "SemanticMaskGenerator", "num_classes": 5})
    assert isinstance(generator, SemanticMaskGenerator)
    assert generator(torch.rand(1, 3, 64, 64)).shape == (1, 5, 32, 32)


def test_a_stage_to_guide_that_there_is_not_is_named():
    with pytest.raises(ValueError, match=r"guided_stages \[2, 4\] must lie in 0 to 3"):
        SMFDUNet(**SMALL, guided_stages=[4, 2])


@pytest.mark.parametrize("name", ["growths", "encoder_blocks", "decoder_blocks"])
def test_hyper_parameters_of_another_length_are_named(name):
    with pytest.raises(ValueError, match=rf"^{name} needs [34] values for 4 widths, not 1$"):
        SMFDUNet(**{name: [1]})


@pytest.mark.parametrize(
    "name",
    [
        "widths",
        "growths",
        "encoder_blocks",
        "decoder_blocks",
        "mask_widths",
        "guided_stages",
        "kernel_widths",
    ],
)
@pytest.mark.parametrize("value", [0, 8, "8, 16", ["8", "16"], [8.5, 16.0]])
def test_hyper_parameters_that_are_no_list_of_whole_numbers_are_named(name, value):
    message = f"{name} needs a list of whole numbers, [32, 64] for instance, not {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SMFDUNet(**SMALL | {name: value})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("widths", [0, 8, 8, 8], r"widths needs one or more numbers from 1, not \[0, 8, 8, 8\]"),
        ("widths", [], "widths needs one or more numbers"),
        ("growths", [4, 4, 4, -1], "growths needs one or more numbers from 1"),
        ("mask_widths", [], r"mask_widths needs one or more numbers from 1, not \[\]"),
        ("kernel_widths", [4, 0], "kernel_widths needs one or more numbers from 1"),
        ("kernel_widths", [4] * 6, "kernel_widths can be up to 5 numbers, not 6"),
    ],
)
def test_hyper_parameters_of_no_network_are_named(name, value, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        SMFDUNet(**SMALL | {name: value})


def test_a_network_of_one_stage_has_no_deconvolution():
    stage = {"widths": [8], "growths": [4], "encoder_blocks": [1], "decoder_blocks": []}
    face = torch.rand(1, 3, 32, 32)
    assert torch.equal(SMFDUNet(**stage)(face), face)
    with pytest.raises(ValueError, match=r"^kernel_widths need 2 widths or more"):
        SMFDUNet(**stage, kernel_widths=[4])


@pytest.mark.parametrize("value", [8, "8", ["8"]])
def test_widths_of_the_mask_generator_are_a_list_of_whole_numbers(value):
    with pytest.raises(ValueError, match=r"^widths needs a list of whole numbers"):
        SemanticMaskGenerator(widths=value)
