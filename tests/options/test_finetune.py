"""Fine-tuning goes on with the network of the run before."""

import pytest

from smfd_plugin.weights import read_checkpoint


@pytest.mark.parametrize(
    ("first", "second", "weights"),
    [
        ("smfd", "smfd_finetune", "smfd-unet"),
        ("smfd_tiny", "smfd_tiny_finetune", "smfd-unet-tiny"),
    ],
)
def test_fine_tuning_takes_up_the_network_of_the_run_before(read_options, first, second, weights):
    options = read_options(second)
    shipped = read_checkpoint(weights).network
    assert options["network_g"] == read_options(first)["network_g"] == shipped
    before = options["path"]["pretrain_network_g"]
    assert before == f"experiments/{read_options(first)['name']}/models/net_g_latest.pth"
