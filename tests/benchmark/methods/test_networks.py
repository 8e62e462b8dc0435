import numpy as np
import pytest
import torch
from basicsr.archs import build_network

from smfd_plugin import FaceDeblurrer
from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods import Context, build_method, weights_digest
from smfd_plugin.data.tensors import from_tensor, to_tensor
from smfd_plugin.restore.sizes import run_aligned
from smfd_plugin.weights import load_network

NETWORK = {"type": "SRVGGNetCompact", "num_feat": 4, "num_conv": 1, "upscale": 1}


@pytest.fixture
def context(tmp_path):
    return Context(torch.device("cpu"), tmp_path)


@pytest.fixture
def checkpoint(tmp_path):
    """A BasicSR checkpoint of a network of its own with random weights; returns the network."""
    torch.manual_seed(0)
    net = build_network(dict(NETWORK)).eval()
    zeros = {name: torch.zeros_like(value) for name, value in net.state_dict().items()}
    torch.save({"params": zeros, "params_ema": net.state_dict()}, tmp_path / "net.pth")
    return net


def test_our_weights(context, tiny_net, tiny_weights, astronaut):
    method = build_method({"type": "smfd", "weights": str(tiny_weights)}, context)
    face = astronaut[:256, 100:356]
    with torch.no_grad():
        expected = from_tensor(run_aligned(tiny_net, to_tensor(face))[0])
    assert (method.restore(Sample(face)) == expected).all()
    assert (expected != face).any()


def test_the_shipped_weights_see_a_sharp_face_as_it_is(context, astronaut):
    face = astronaut[:256, 100:356]
    with torch.no_grad():
        expected = from_tensor(load_network("tiny")(to_tensor(face)))
    method = build_method({"type": "smfd", "weights": "tiny"}, context)
    assert (method.restore(Sample(face)) == expected).all()


def test_small_faces_as_the_deblurrer_sees_them(context, tiny_weights, astronaut):
    method = build_method({"type": "smfd", "weights": str(tiny_weights)}, context)
    face = np.ascontiguousarray(astronaut[40:104, 180:244])
    deblurrer = FaceDeblurrer(tiny_weights, "cpu", detector="tiny")
    expected = deblurrer.deblur_aligned(face[None, ..., ::-1])[0, ..., ::-1]
    assert (method.restore(Sample(face)) == expected).all()


@torch.no_grad()
def test_an_architecture_of_basicsr_with_the_averaged_weights(context, checkpoint, astronaut):
    face = np.ascontiguousarray(astronaut[40:72, 180:212])
    method = build_method({"type": "basicsr", "network": NETWORK, "weights": "net.pth"}, context)
    assert (method.restore(Sample(face)) == from_tensor(checkpoint(to_tensor(face)))).all()
    other = build_method(
        {"type": "basicsr", "network": NETWORK, "weights": "net.pth", "param_key": "params"},
        context,
    )
    assert (other.restore(Sample(face)) == face).all()  # zeros: the skip connection alone
    assert weights_digest(method.net) != weights_digest(other.net)
    assert weights_digest(method.net) == weights_digest(checkpoint)


@torch.no_grad()
def test_another_range_of_values(context, checkpoint, astronaut):
    face = np.ascontiguousarray(astronaut[40:72, 180:212])
    options = {"type": "basicsr", "network": NETWORK, "weights": "net.pth", "range": [-1, 1]}
    expected = (checkpoint(to_tensor(face) * 2 - 1) + 1) / 2
    restored = build_method(options, context).restore(Sample(face))
    assert (restored == from_tensor(expected)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": {"num_feat": 8}}, "network needs a `type`"),
        ({"range": [1]}, r"range is \[1\]; it must be two numbers"),
        ({"range": [1, 1]}, r"range is \[1, 1\]; it must be two numbers"),
    ],
)
def test_options_that_do_not_fit_are_named(context, checkpoint, options, message):
    fitting = {"type": "basicsr", "network": NETWORK, "weights": "net.pth"}
    with pytest.raises(ValueError, match=message):
        build_method(fitting | options, context)


def test_weights_that_do_not_fit_are_named(context, checkpoint):
    options = {"type": "basicsr", "network": NETWORK | {"num_feat": 8}, "weights": "net.pth"}
    with pytest.raises(ValueError, match=r"net\.pth does not fit SRVGGNetCompact"):
        build_method(options, context)
    options = {"type": "basicsr", "network": NETWORK, "weights": "net.pth", "param_key": "mine"}
    with pytest.raises(ValueError, match="under mine; it has params, params_ema"):
        build_method(options, context)
