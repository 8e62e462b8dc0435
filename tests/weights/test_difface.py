import copy
import re
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from smfd_plugin.archs import SwinIREstimator
from smfd_plugin.diffusion import DifFace
from smfd_plugin.weights import WeightsError, load_network, read_checkpoint, save_weights
from smfd_plugin.weights.difface import build_difface

OPTIONS = Path(__file__).parents[2] / "options"
SWINIR = {"img_size": 8, "embed_dim": 12, "depths": [2], "num_heads": [2]}


@pytest.fixture
def parts(tiny_difface, tmp_path):
    """The estimator as a training writes it, the prior as the authors', both beside a YAML file
    that names them; returns that file."""
    network, state = read_checkpoint(tiny_difface)
    split = {
        part: {
            name.removeprefix(f"{part}."): value
            for name, value in state.items()
            if name.startswith(f"{part}.")
        }
        for part in ("estimator", "prior")
    }
    zeros = {name: torch.zeros_like(value) for name, value in split["estimator"].items()}
    torch.save(
        {"params": zeros, "params_ema": split["estimator"], "network": network["estimator"]},
        tmp_path / "net_g_latest.pth",
    )
    torch.save(split["prior"], tmp_path / "iddpm.pth")
    options = dict(network)
    options["estimator"] = {"weights": "net_g_latest.pth"}
    options["prior"] = {**network["prior"], "weights": "iddpm.pth"}
    return write(tmp_path / "difface.yml", options)


def write(path, options):
    path.write_text(yaml.safe_dump(options))
    return path


@torch.no_grad()
def test_a_whole_file_comes_back_with_its_schedule(tiny_difface):
    difface = load_network(tiny_difface, "difface")
    assert isinstance(difface, DifFace) and not difface.training
    assert (difface.size, difface.start, difface.eta, difface.schedule.steps) == (32, 2, 0.5, 10)
    faces = torch.rand(1, 3, 32, 32)
    assert torch.equal(difface(faces), load_network(tiny_difface, "difface")(faces))


@torch.no_grad()
def test_parts_in_files_of_their_own_are_the_same_network(tiny_difface, parts):
    whole, joined = (load_network(path, "difface") for path in (tiny_difface, parts))
    faces = torch.rand(1, 3, 32, 32)
    assert torch.equal(joined(faces), whole(faces))


@torch.no_grad()
def test_parts_can_be_written_as_one_file(parts, tmp_path):
    checkpoint = read_checkpoint(parts)
    save_weights(tmp_path / "one.pth", checkpoint.state_dict, checkpoint.network)
    faces = torch.rand(1, 3, 32, 32)
    one, joined = (load_network(path, "difface") for path in (tmp_path / "one.pth", parts))
    assert (one(faces) - joined(faces)).abs().max() < 0.01


def test_shipped_weights_are_an_estimator(parts):
    options = yaml.safe_load(parts.read_text()) | {"estimator": {"weights": "smfd-unet"}}
    difface = load_network(write(parts, options), "difface")
    tail = load_network().state_dict()["tail.weight"]
    assert torch.equal(difface.estimator.state_dict()["tail.weight"], tail)


@torch.no_grad()
def test_swinir_keeps_its_tables_of_indices_in_half_precision(tiny_difface, tmp_path):
    network, state = copy.deepcopy(read_checkpoint(tiny_difface))
    estimator = SwinIREstimator(**SWINIR).eval()
    state = {name: value for name, value in state.items() if name.startswith("prior.")}
    state |= {f"estimator.{name}": value for name, value in estimator.state_dict().items()}
    path = tmp_path / "swinir.pth"
    save_weights(path, state, {**network, "estimator": {"type": "SwinIREstimator", **SWINIR}})
    loaded = load_network(path, "difface").estimator
    faces = torch.rand(1, 3, 64, 64)
    assert (loaded(faces) - estimator(faces)).abs().max() < 0.01


def test_the_authors_files_are_described_in_options(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = OPTIONS / "difface.yml"
    options = yaml.safe_load(path.read_text())
    described = {part: {"type": options[part]["type"]} for part in ("estimator", "prior")}
    with torch.device("meta"):
        assert build_difface(**described).size == 512
    with pytest.raises(WeightsError, match=r"swinir_restoration512_L1\.pth.*get it from https://"):
        load_network(path, "difface")


def test_weights_of_another_method_are_refused(tiny_difface, tiny_weights):
    with pytest.raises(WeightsError, match=r"difface\.pth is of the method difface, not smfd"):
        load_network(tiny_difface)
    with pytest.raises(WeightsError, match=r"tiny\.pth is of the method smfd, not difface"):
        load_network(tiny_weights, "difface")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": None}, "estimator needs `weights`"),
        ({"prior": {"type": "DiffusionUNet"}}, "prior needs `weights`"),
        ({"prior": {"weights": "nothing.pth"}}, "no weights file nothing.pth"),
        ({"prior": {"weights": "iddpm.pth"}}, "prior is None; it can be DiffusionUNet"),
        ({"estimator": {"weights": "iddpm.pth", "type": "GFPGAN"}}, "estimator is 'GFPGAN'"),
        ({"steps": 7}, "cannot keep 7 of 1000 steps"),
        ({"start": 11}, "start is 11; it can be 1 to 10"),
        ({"eta": 2}, "eta is 2; it can be 0 to 1"),
        ({"speed": 3}, "speed"),
        ({"type": "Dif"}, "network is 'Dif'; it can be SMFDUNet, DifFace"),
        ({"estimator": {"weights": "iddpm.pth", "type": "SRCNNEstimator"}}, "does not fit"),
    ],
)
def test_mistakes_in_the_yaml_file_are_named(parts, change, message):
    write(parts, yaml.safe_load(parts.read_text()) | change)
    with pytest.raises(WeightsError, match=re.escape(message)) as error:
        load_network(parts, "difface")
    assert "\n" not in str(error.value) and "difface.yml" in str(error.value)


@pytest.mark.parametrize("text", ["", "just a text", "a: [", "- 1"])
def test_yaml_files_of_another_kind(parts, text):
    parts.write_text(text)
    with pytest.raises(WeightsError, match=r"difface\.yml"):
        load_network(parts, "difface")


def test_parts_without_weights_are_refused(parts, tmp_path):
    torch.save([1, 2], tmp_path / "iddpm.pth")
    with pytest.raises(WeightsError, match=r"iddpm\.pth"):
        load_network(parts, "difface")
    torch.save({"a": nn.Parameter(torch.ones(1)), "b": 3}, tmp_path / "iddpm.pth")
    with pytest.raises(WeightsError, match=r"iddpm\.pth holds no weights"):
        load_network(parts, "difface")
    torch.save({"params": {"a": torch.ones(1)}, "network": "SMFDUNet(7)"}, tmp_path / "iddpm.pth")
    with pytest.raises(WeightsError, match="does not fit"):
        load_network(parts, "difface")
