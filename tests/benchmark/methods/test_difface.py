from pathlib import Path

import pytest
import torch

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods import Context, build_method
from smfd_plugin.data.tensors import from_tensor, to_tensor
from smfd_plugin.weights import WeightsError, load_network

OPTIONS = Path(__file__).parents[3] / "options"


@pytest.fixture
def context(tmp_path):
    return Context(torch.device("cpu"), tmp_path, seed=3)


@torch.no_grad()
def test_a_face_is_restored_with_the_benchmarks_seed(context, tiny_difface, astronaut):
    method = build_method({"type": "difface", "weights": tiny_difface.name}, context)
    face = astronaut[40:104, 180:244]
    net = load_network(tiny_difface, "difface")
    restored = method.restore(Sample(face))
    assert (restored == from_tensor(net(to_tensor(face), [3]))).all()
    assert (restored != from_tensor(net(to_tensor(face), [4]))).any()
    assert method.net.state_dict().keys() == net.state_dict().keys()


def test_missing_weights_say_where_to_get_them(context, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"difface\.pth is not here; get it from the moon"):
        build_method({"type": "difface", "weights": "difface.pth", "source": "the moon"}, context)
    with pytest.raises(WeightsError, match=r"swinir_restoration512_L1\.pth.*get it from https://"):
        build_method({"type": "difface", "weights": str(OPTIONS / "difface.yml")}, context)
