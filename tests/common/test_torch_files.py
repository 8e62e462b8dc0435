import resource

import pytest
import torch

from smfd_plugin.common.torch_files import WeightsError, read_features, write


def test_features_are_those_that_are_wanted_in_single_precision(tmp_path):
    weights = {"features.0.bias": torch.ones(2).half(), "features.0.weight": torch.zeros(2)}
    torch.save(weights, tmp_path / "features.pth")
    found = read_features(tmp_path / "features.pth", {"slice1.0.bias": "features.0.bias"})
    assert found.keys() == {"slice1.0.bias"}
    assert torch.equal(found["slice1.0.bias"], torch.ones(2))


def test_a_feature_that_is_missing_is_named(tmp_path):
    torch.save({"features.0.weight": 3, "epoch": 7}, tmp_path / "features.pth")
    with pytest.raises(WeightsError, match=r"features\.pth lacks features\.0\.weight; save"):
        read_features(tmp_path / "features.pth", {"0.weight": "features.0.weight"})


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: .*a\.pth"):
            write(tmp_path / "a.pth", {"params": torch.zeros(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
