"""Fine-tuning goes on with the network of the run before."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from basicsr.utils.options import ordered_yaml

from smfd_plugin.weights import read_checkpoint

FOLDER = Path(__file__).parents[2] / "options"


def read(name: str) -> dict[str, Any]:
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
    shipped = read_checkpoint(weights).network
    assert options["network_g"] == read(first)["network_g"] == shipped
    before = options["path"]["pretrain_network_g"]
    assert before == f"experiments/{read(first)['name']}/models/net_g_latest.pth"
