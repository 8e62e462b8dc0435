import hashlib
import resource

import pytest
import torch

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.weights import WeightsError, files, load_network


def test_shipped_weights_are_found_by_name_and_have_their_checksums():
    names = {path.stem for path in files.SHIPPED.glob("*.pth")}
    assert files.DEFAULT in names
    for name in names:
        assert isinstance(load_network(name), SMFDUNet)


@pytest.mark.parametrize("name", ["small", "smfd-unet-small"])
def test_shipped_weights_have_short_names(name, tiny_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    shipped = tiny_weights.rename(tmp_path / "smfd-unet-small.pth")
    digest = hashlib.sha256(shipped.read_bytes()).hexdigest()
    (tmp_path / files.CHECKSUMS).write_text(f"{digest}  {shipped.name}\n")
    assert isinstance(load_network(name), SMFDUNet)


def test_shipped_weights_that_were_changed_are_refused(tiny_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    digest = hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    (tmp_path / files.CHECKSUMS).write_text(f"{digest}  tiny.pth\n")
    assert load_network("tiny").mask_generator is not None
    tiny_weights.write_bytes(tiny_weights.read_bytes() + b"x")
    with pytest.raises(WeightsError, match=r"tiny\.pth is not the file that was shipped"):
        load_network("tiny")


def test_features_are_those_that_are_wanted_in_single_precision(tmp_path):
    weights = {"features.0.bias": torch.ones(2).half(), "features.0.weight": torch.zeros(2)}
    torch.save(weights, tmp_path / "features.pth")
    found = files.read_features(tmp_path / "features.pth", {"slice1.0.bias": "features.0.bias"})
    assert found.keys() == {"slice1.0.bias"}
    assert torch.equal(found["slice1.0.bias"], torch.ones(2))


def test_a_feature_that_is_missing_is_named(tmp_path):
    torch.save({"features.0.weight": 3, "epoch": 7}, tmp_path / "features.pth")
    with pytest.raises(WeightsError, match=r"features\.pth lacks features\.0\.weight; save"):
        files.read_features(tmp_path / "features.pth", {"0.weight": "features.0.weight"})


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: .*a\.pth"):
            files.write(tmp_path / "a.pth", {"params": torch.zeros(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
