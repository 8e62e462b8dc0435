"""Fine-tuning goes on with the network of the run before."""

from importlib.resources import files
from pathlib import Path

import pytest
import torch
import yaml
from basicsr.utils.options import ordered_yaml

FOLDER = Path(__file__).parents[2] / "options"


def read(name: str) -> dict:
    return yaml.load((FOLDER / f"{name}.yml").read_text(), ordered_yaml()[0])


@pytest.mark.parametrize(
    ("first", "second", "weights"),
    [
        ("smfd", "smfd_finetune", "smfd-unet"),
        ("smfd_tiny", "smfd_tiny_finetune", "smfd-unet-tiny"),
    ],
)
def test_fine_tuning_takes_up_the_network_of_the_run_before(first, second, weights):
    options = read(second)
    shipped = torch.load(str(files("smfd_plugin.weights") / f"{weights}.pth"), weights_only=True)
    assert options["network_g"] == read(first)["network_g"] == shipped["network"]
    before = options["path"]["pretrain_network_g"]
    assert before == f"experiments/{read(first)['name']}/models/net_g_latest.pth"
