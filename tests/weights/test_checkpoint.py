import os
import struct

import pytest
import torch

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.weights import WeightsError, load_network, save_weights
from smfd_plugin.weights.checkpoint import NETWORKS


class Code:
    """What a malicious file would run when it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.fixture
def checkpoint(tiny_weights):
    return torch.load(tiny_weights, weights_only=True)


def refused(path, *words):
    with pytest.raises(WeightsError) as error:
        load_network(path)
    message = str(error.value)
    assert "\n" not in message
    for word in (path.name, *words):
        assert word in message


def test_a_saved_network_comes_back_with_its_hyper_parameters(tiny_net, tiny_weights):
    net = load_network(tiny_weights)
    assert not net.training
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    lq = torch.rand(1, 3, 40, 48)
    with torch.no_grad():
        assert torch.equal(net(lq), tiny_net(lq))


def test_a_loaded_network_can_be_trained_further(tiny_weights):
    net = load_network(tiny_weights).train()
    net(torch.rand(1, 3, 32, 32)).mean().backward()
    assert net.tail.weight.grad.any()


def test_files_hold_half_precision_and_load_in_single(tiny_net, checkpoint, tmp_path):
    path = tmp_path / "half.pth"
    save_weights(path, tiny_net.state_dict(), checkpoint["network"])
    stored = torch.load(path, weights_only=True)
    assert {value.dtype for value in stored["params"].values()} == {torch.float16}
    for name, value in load_network(path).state_dict().items():
        assert torch.equal(value, tiny_net.state_dict()[name].half().float())


def test_averaged_weights_are_preferred(checkpoint, tmp_path):
    zeros = {name: torch.zeros_like(value) for name, value in checkpoint["params"].items()}
    path = tmp_path / "both.pth"
    torch.save({**checkpoint, "params_ema": zeros}, path)
    assert not any(p.any() for p in load_network(path).parameters())


def test_a_checkpoint_without_hyper_parameters_is_tried_with_the_defaults(tmp_path):
    path = tmp_path / "plain.pth"
    torch.save({"params": SMFDUNet().state_dict()}, path)
    assert isinstance(load_network(path), SMFDUNet)


def test_a_failed_save_leaves_the_old_file(tiny_net, tiny_weights, checkpoint):
    before = tiny_weights.read_bytes()
    huge = {name: value + 1e6 for name, value in tiny_net.state_dict().items()}
    with pytest.raises(WeightsError, match="not finite"):
        save_weights(tiny_weights, huge, checkpoint["network"])
    assert tiny_weights.read_bytes() == before
    assert [file.name for file in tiny_weights.parent.iterdir()] == [tiny_weights.name]


@pytest.mark.parametrize("network", [{"type": "GFPGANv1"}, {"type": "SMFDUNet", "widths": [8, 8]}])
def test_a_network_that_cannot_be_built_is_not_saved(network, tiny_net, tmp_path):
    with pytest.raises(WeightsError, match=r"a\.pth describes no network that can be built"):
        save_weights(tmp_path / "a.pth", tiny_net.state_dict(), network)
    assert not list(tmp_path.iterdir())


def test_missing_file_names_the_shipped_weights(tmp_path):
    refused(tmp_path / "nothing.pth", "no weights file", "shipped weights")


def test_folder(tmp_path):
    refused(tmp_path, "folder")


def test_empty_file(tmp_path):
    path = tmp_path / "empty.pth"
    path.touch()
    refused(path, "empty")


@pytest.mark.parametrize("kept", [1, 10, 1000, -1])
def test_truncated_file(tiny_weights, kept):
    tiny_weights.write_bytes(tiny_weights.read_bytes()[:kept])
    refused(tiny_weights)


def test_truncated_file_in_the_old_format(tiny_weights, checkpoint):
    """Pickle, struct and torch each have their own errors, by where the file ends."""
    torch.save(checkpoint, tiny_weights, _use_new_zipfile_serialization=False)
    whole = tiny_weights.read_bytes()
    kinds = set()
    for kept in (*range(1, 400, 9), *range(len(whole) - 4000, len(whole) - 1, 9)):
        tiny_weights.write_bytes(whole[:kept])
        refused(tiny_weights)
        try:
            torch.load(tiny_weights, weights_only=True)
        except Exception as error:
            kinds.add(type(error))
    assert struct.error in kinds and len(kinds) > 3


def test_a_failing_disk_is_no_damaged_file(tiny_weights, monkeypatch):
    def failing(*_, **__):
        raise PermissionError("locked")

    monkeypatch.setattr(torch, "load", failing)
    with pytest.raises(PermissionError, match="locked"):
        load_network(tiny_weights)


def test_file_of_another_kind(tmp_path):
    path = tmp_path / "text.pth"
    path.write_text("these are no weights")
    refused(path, "no weights file")


def test_code_is_refused_and_not_run(tmp_path):
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    torch.save({"params": Code(f"touch {trace}")}, path)
    refused(path, "code")
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", [[1, 2], {"state_dict": {}}, {"params": {}}, {"params": {"a": 1}}]
)
def test_no_checkpoint(content, tmp_path):
    path = tmp_path / "other.pth"
    torch.save(content, path)
    refused(path, "no BasicSR checkpoint")


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"type": "GFPGANv1"}, ("GFPGANv1", "SMFDUNet")),
        ({"type": 7}, ("network is 7; it can be SMFDUNet, DifFace",)),
        ("SMFDUNet", ("network is 'SMFDUNet', not a type and its hyper-parameters",)),
        ({"type": "SMFDUNet", "scale": 4}, ("describes no network", "scale")),
        ({"type": "SMFDUNet", "widths": [8, 8]}, ("describes no network",)),
        ({"type": "SMFDUNet", "num_classes": -3}, ("describes no network",)),
        ({"type": "SMFDUNet", "guided_stages": 3}, ("describes no network",)),
        ({"type": "SMFDUNet", "widths": [10**6] * 4}, ("another shape",)),
    ],
)
def test_networks_that_do_not_exist(network, words, checkpoint, tmp_path):
    path = tmp_path / "network.pth"
    torch.save({**checkpoint, "network": network}, path)
    refused(path, *words)


@pytest.mark.parametrize("window", [0, -1])
def test_an_estimator_that_asserts_what_it_needs(tiny_difface, window):
    content = torch.load(tiny_difface, weights_only=True)
    content["network"]["estimator"] = {"type": "SwinIREstimator", "window_size": window}
    torch.save(content, tiny_difface)
    refused(tiny_difface, "describes no network that can be built: ")


def test_a_network_that_gives_no_reason(checkpoint, tmp_path, monkeypatch):
    def silent():
        raise AssertionError

    path = tmp_path / "silent.pth"
    monkeypatch.setitem(NETWORKS, "Silent", silent)
    torch.save({**checkpoint, "network": {"type": "Silent"}}, path)
    refused(path, "describes no network that can be built: AssertionError")


def test_weights_that_do_not_fit(checkpoint, tmp_path):
    path = tmp_path / "misfit.pth"
    params = dict(checkpoint["params"])
    del params["stem.bias"]
    params["stem.weight"] = params["stem.weight"][:1]
    params["extra"] = torch.zeros(1)
    torch.save({**checkpoint, "params": params}, path)
    refused(path, "1 missing (stem.bias)", "1 unknown (extra)", "1 of another shape (stem.weight)")


def test_weights_that_are_not_finite(checkpoint, tmp_path):
    path = tmp_path / "nan.pth"
    checkpoint["params"]["tail.bias"][0] = float("nan")
    torch.save(checkpoint, path)
    refused(path, "not finite", "tail.bias")


@pytest.mark.parametrize("kind", [torch.int32, torch.complex64])
def test_weights_of_another_type(checkpoint, tmp_path, kind):
    path = tmp_path / "typed.pth"
    checkpoint["params"]["tail.bias"] = checkpoint["params"]["tail.bias"].to(kind)
    torch.save(checkpoint, path)
    refused(path, "does not fit", "1 of another type (tail.bias)")


def test_weights_of_another_network_are_not_saved(tiny_net, checkpoint, tmp_path):
    with pytest.raises(WeightsError, match="does not fit its network"):
        save_weights(tmp_path / "a.pth", {"extra": torch.zeros(1)}, checkpoint["network"])
    assert not (tmp_path / "a.pth").exists()


def test_a_network_that_looks_something_up_in_vain(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "Searching", lambda: {}["num_heads"])
    torch.save({**checkpoint, "network": {"type": "Searching"}}, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", "describes no network that can be built", "num_heads")
