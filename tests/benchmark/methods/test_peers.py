"""The published face networks, with random weights: our path gives what the class itself gives."""

from pathlib import Path

import numpy as np
import pytest
import torch
from spandrel.architectures.GFPGAN import GFPGAN
from spandrel.architectures.NAFNet import NAFNet
from spandrel.architectures.RestoreFormer import RestoreFormer
from spandrel_extra_arches.architectures.CodeFormer import CodeFormer

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods import Context, build_method, peers, restorer
from smfd_plugin.data.tensors import to_tensor


@pytest.fixture
def context(tmp_path):
    return Context(torch.device("cpu"), tmp_path)


def restore_as_floats(monkeypatch, method, face):
    """What the method makes of a face, before it is rounded: (1, 3, H, W) RGB."""
    seen = []
    rounded = restorer.from_tensor
    monkeypatch.setattr(restorer, "from_tensor", lambda x: (seen.append(x.clone()), rounded(x))[1])
    picture = method.restore(Sample(face))
    assert picture.shape == face.shape
    return seen[0]


def save(net: torch.nn.Module, path: Path) -> None:
    torch.save({"params_ema": net.state_dict()}, path)


@torch.no_grad()
def check_face_network(monkeypatch, context, net, face, size, options, **kwargs):
    """Against the network's own range, [-1, 1], as its authors' scripts call it."""
    save(net, context.folder / "net.pth")
    method = build_method({"type": "spandrel", "weights": "net.pth", **options}, context)
    ours = restore_as_floats(monkeypatch, method, face)
    rgb = torch.from_numpy(face[..., ::-1] / np.float32(127.5) - 1).permute(2, 0, 1)[None]
    assert rgb.shape[-1] == size
    torch.manual_seed(context.seed)  # GFPGAN draws noise
    expected = (net(rgb, **kwargs)[0] + 1) / 2
    assert expected.std() > 0.01
    assert torch.allclose(ours, expected, atol=1e-4)


def test_gfpgan(monkeypatch, context, astronaut):
    torch.manual_seed(0)
    net = GFPGAN().eval()
    check_face_network(monkeypatch, context, net, astronaut, 512, {})


def test_codeformer_and_its_fidelity(monkeypatch, context, astronaut):
    torch.manual_seed(0)
    net = CodeFormer(n_layers=1).eval()
    options = {"weight": 0.7}
    check_face_network(monkeypatch, context, net, astronaut, 512, options, weight=0.7)


def test_restoreformer(monkeypatch, context, astronaut):
    torch.manual_seed(0)
    net = RestoreFormer(n_embed=16, ch=32, num_res_blocks=1).eval()
    face = astronaut[40:168, 160:288]
    check_face_network(monkeypatch, context, net, face, 128, {"size": 128})


@torch.no_grad()
def test_a_network_of_spandrels_for_any_picture_gets_rgb(monkeypatch, context, astronaut):
    torch.manual_seed(0)
    net = NAFNet(width=8, enc_blk_nums=[1], dec_blk_nums=[1]).eval()
    for value in net.parameters():
        torch.nn.init.normal_(value, std=0.2)
    save(net, context.folder / "net.pth")
    method = build_method({"type": "spandrel", "weights": "net.pth"}, context)
    assert method.net is not None
    face = astronaut[40:104, 180:244]
    ours = restore_as_floats(monkeypatch, method, face)
    rgb = to_tensor(face)
    assert torch.allclose(ours, net(rgb).clamp(0, 1), atol=1e-4)
    assert not torch.allclose(ours, net(rgb.flip(1)).clamp(0, 1), atol=1e-2)


def test_mistakes_are_named(context):
    torch.save({"params": {"some.weight": torch.zeros(3)}}, context.folder / "odd.pth")
    with pytest.raises(ValueError, match=r"odd\.pth is of no architecture"):
        build_method({"type": "spandrel", "weights": "odd.pth"}, context)
    save(NAFNet(width=8, enc_blk_nums=[1], dec_blk_nums=[1]), context.folder / "nafnet.pth")
    with pytest.raises(ValueError, match=r"fidelity, but .*nafnet\.pth is of NAFNet"):
        build_method({"type": "spandrel", "weights": "nafnet.pth", "weight": 0.5}, context)


def test_our_own_weights_are_recognised(context, tiny_net):
    save(tiny_net, context.folder / "tiny.pth")
    assert peers.load_descriptor(context.folder / "tiny.pth").architecture.id == "SMFDUNet"
