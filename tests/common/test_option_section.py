import pickle
from copy import deepcopy

import pytest
import torch
import yaml

from smfd_plugin.common.option_section import (
    MissingOptionError,
    OptionSection,
    plain,
    without_nulls,
)
from smfd_plugin.compat import OptionLoader


@pytest.fixture
def section():
    return yaml.load("{train: {optim_g: {lr: 1}}, metrics: [{type: psnr}]}", OptionLoader)


def test_an_option_that_is_there(section):
    assert section["train"]["optim_g"]["lr"] == 1
    assert section.get("val") is None
    assert section["train"].pop("optim_g") == {"lr": 1}
    assert section["train"].pop("optim_g", 5) == 5
    assert section == {"train": {}, "metrics": [{"type": "psnr"}]}


@pytest.mark.parametrize(
    "copied",
    [
        lambda each: each,
        lambda each: each.copy(),
        deepcopy,
        lambda each: each | {"name": "x"},
        without_nulls,
        lambda each: pickle.loads(pickle.dumps(each)),
    ],
    ids=["itself", "copy", "deepcopy", "merged", "without nulls", "pickled"],
)
def test_one_that_is_not_is_named_at_any_depth_and_in_copies(section, copied):
    section = copied(section)
    for part in (section, section["train"], section["train"]["optim_g"], section["metrics"][0]):
        assert isinstance(part, OptionSection)
        for look_up in (part.__getitem__, part.pop):
            with pytest.raises(KeyError) as error:
                look_up("lamp")
            assert isinstance(error.value, MissingOptionError)
            assert str(error.value) == "the option file lacks the option 'lamp'"


def test_nulls_are_absent():
    assert without_nulls({"a": None, "b": 0, "c": {"d": None}}) == {"b": 0, "c": {"d": None}}


def test_a_checkpoint_may_hold_what_is_plain(section, tmp_path):
    torch.save({"network": plain(section)}, tmp_path / "net.pth")
    assert torch.load(tmp_path / "net.pth", weights_only=True) == {"network": section}
