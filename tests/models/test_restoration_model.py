import pytest
import torch
from basicsr.data import build_dataset
from basicsr.models import build_model
from torch.utils.data import default_collate

from smfd_plugin.models import RestorationModel


@pytest.fixture
def prepared(options, tmp_path):
    """Options of an estimator's training, as BasicSR's parser leaves them."""
    folders = {name: str(tmp_path) for name in ("models", "training_states")}
    options |= {"is_train": True, "dist": False, "rank": 0, "world_size": 1}
    options |= {"model_type": "RestorationModel"}
    options["network_g"] = {"type": "SRCNNEstimator", "width": 16, "depth": 1}
    options["path"] |= folders
    del options["train"]["mask_opt"]
    return options


@pytest.fixture
def batch(prepared):
    torch.manual_seed(0)
    dataset = build_dataset(prepared["datasets"]["train"])
    return default_collate([dataset[i % len(dataset)] for i in range(4)])


def train(model, batch, steps):
    for step in range(1, steps + 1):
        model.feed_data(batch)
        model.optimize_parameters(step)
        yield dict(model.get_current_log())


@pytest.mark.parametrize("amp", [None, "bf16"])
def test_training_an_estimator_lowers_every_loss(prepared, batch, amp):
    prepared["train"]["amp"] = amp
    torch.manual_seed(0)
    model = build_model(prepared)
    assert isinstance(model, RestorationModel)
    history = list(train(model, batch, 40))
    assert history[0].keys() == {"l_pix", "l_frequency"}
    assert history[-1]["l_pix"] < 0.9 * history[0]["l_pix"]
    assert history[-1]["l_frequency"] < 0.95 * history[0]["l_frequency"]


def test_a_transformer_is_trained_as_well(prepared, batch):
    prepared["network_g"] = {
        "type": "SwinIREstimator", "img_size": 4, "embed_dim": 12, "depths": [2],
        "num_heads": [2], "window_size": 4,
    }  # fmt: skip
    torch.manual_seed(0)
    history = list(train(build_model(prepared), batch, 20))
    assert history[-1]["l_pix"] < 0.9 * history[0]["l_pix"]
