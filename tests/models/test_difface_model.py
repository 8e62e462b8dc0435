import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from basicsr.archs import build_network
from basicsr.data import build_dataloader, build_dataset
from basicsr.models import build_model
from torch.utils.data import default_collate

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.compat import OptionLoader

OPTIONS = Path(__file__).resolve().parents[2] / "options"

TINY_OPTIONS = {
    "widths": [8, 12, 16, 16],
    "growths": [4, 4, 8, 8],
    "encoder_blocks": [1, 1, 1, 1],
    "decoder_blocks": [1, 1, 1],
    "mask_widths": [8, 8, 8, 8],
    "kernel_widths": [4, 8],
}


@pytest.fixture
def difface_options(options):
    """Options of a prior of 16 pixels, which takes seconds to train."""
    options["model_type"] = "DifFaceModel"
    options["network_g"] = {
        "type": "DiffusionUNet",
        "image_size": 16,
        "channel_mult": [1, 1],
        "num_res_blocks": 1,
        "attention_resolutions": [],
        "num_head_channels": 32,
    }
    for dataset in options["datasets"].values():
        dataset["gt_size"] = 16
    options["datasets"]["train"]["crop_size"] = 16
    options["sampling"] = {"steps": 10, "start": 3, "eta": 0.5}
    options["train"] = {
        "total_iter": 4,
        "ema_decay": 0.9,
        "grad_clip": 1.0,
        "variational_weight": 1e-3,
        "optim_g": {"type": "Adam", "lr": 2e-3},
        "scheduler": {"type": "MultiStepLR", "milestones": [100_000]},
        "pixel_opt": {"type": "MSELoss", "loss_weight": 1.0},
    }
    return options


@pytest.fixture
def prepared(difface_options, tmp_path):
    """The same as BasicSR's parser leaves them."""
    folders = {name: str(tmp_path) for name in ("models", "training_states")}
    difface_options |= {"is_train": True, "dist": False, "rank": 0, "world_size": 1}
    difface_options["path"] |= folders
    return difface_options


def build(options):
    torch.manual_seed(0)
    return build_model(options)


def batch(options):
    torch.manual_seed(0)
    dataset = build_dataset(options["datasets"]["train"])
    return default_collate([dataset[i % len(dataset)] for i in range(8)])


def train(model, data, steps, first=1):
    """The losses' means over the first and the last quarter of some steps."""
    torch.manual_seed(1)
    history = []
    for step in range(first, first + steps):
        model.feed_data(data)
        model.optimize_parameters(step)
        history.append(list(model.get_current_log().values()))
    history = torch.tensor(history)
    return history[: steps // 4].mean(0), history[-(steps // 4) :].mean(0)


@pytest.mark.parametrize("amp", [None, "bf16"])
def test_training_lowers_both_parts_of_the_hybrid_loss(prepared, amp):
    prepared["train"] |= {"amp": amp, "channels_last": amp is not None}
    model = build(prepared)
    first, last = train(model, batch(prepared), 40)
    assert model.get_current_log().keys() == {"l_simple", "l_variational"}
    assert last[0] < 0.6 * first[0]
    assert last[1] < 0.8 * first[1]


def test_without_a_loss_the_one_that_it_knows_is_named(prepared):
    del prepared["train"]["pixel_opt"]
    with pytest.raises(ValueError, match=r"^train needs pixel_opt$"):
        build(prepared)


def test_a_fresh_network_has_the_loss_of_saying_nothing(prepared):
    first, _ = train(build(prepared), batch(prepared), 4)
    assert first[0].item() == pytest.approx(1, abs=0.05)  # the variance of the noise


def test_validation_restores_with_the_average_and_leaves_the_training_alone(prepared):
    model = build(prepared)
    train(model, batch(prepared), 4)
    weights = copy.deepcopy(model.net_g.state_dict())
    loader = build_dataloader(
        build_dataset(prepared["datasets"]["val"]), prepared["datasets"]["val"] | {"phase": "val"}
    )
    model.validation(loader, 4, None, save_img=False)
    once = model.metric_results["psnr"]
    model.validation(loader, 4, None, save_img=False)
    assert model.metric_results["psnr"] == once > 5
    assert model.net_g.training
    assert all(torch.equal(v, weights[k]) for k, v in model.net_g.state_dict().items())
    assert model.difface.prior is model.net_g_ema


def test_a_save_resumes_and_carries_the_network(prepared, tmp_path):
    model, data = build(prepared), batch(prepared)
    train(model, data, 4)
    model.save(0, 4)
    saved = torch.load(tmp_path / "net_g_4.pth", weights_only=True)
    assert saved.keys() == {"params", "params_ema", "network"}
    prepared["path"]["pretrain_network_g"] = str(tmp_path / "net_g_4.pth")
    again = build(prepared)
    again.resume_training(torch.load(tmp_path / "4.state", weights_only=True))
    assert torch.equal(train(again, data, 4, first=5)[1], train(model, data, 4, first=5)[1])


@pytest.mark.parametrize("nesting", ["params", "state_dict", None])
def test_smfd_unet_is_the_estimator_from_files_of_any_nesting(
    prepared, tiny_net, tmp_path, nesting
):
    prepared |= {"is_train": False, "estimator": {"type": "SMFDUNet", **TINY_OPTIONS}}
    state = tiny_net.state_dict()
    torch.save({nesting: state} if nesting else state, tmp_path / "estimator.pth")
    prepared["path"]["pretrain_network_estimator"] = str(tmp_path / "estimator.pth")
    model = build(prepared)
    assert isinstance(model.difface.estimator, SMFDUNet)
    assert torch.equal(model.difface.estimator.tail.weight, tiny_net.tail.weight)
    model.feed_data({"lq": torch.rand(2, 3, 24, 24)})
    model.test()
    assert model.output.shape == (2, 3, 24, 24)


def test_a_start_beyond_the_steps_is_named(prepared):
    prepared["sampling"]["start"] = 11
    with pytest.raises(ValueError, match="start is 11; it can be 1 to 10"):
        build(prepared)


def test_an_option_of_the_sampling_that_there_is_not_is_named(prepared):
    prepared["sampling"]["sead"] = 3
    with pytest.raises(ValueError, match="sampling has no option 'sead'; did you mean seed"):
        build(prepared)


def test_the_command_trains_and_then_tests_with_an_estimator(
    difface_options, tiny_weights, tmp_path
):
    training, testing = tmp_path / "train.yml", tmp_path / "test.yml"
    training.write_text(yaml.safe_dump(difface_options, sort_keys=False))
    weights = tmp_path / "experiments/small/models/net_g_latest.pth"
    difface_options["datasets"] = {"test": difface_options["datasets"]["val"]}
    difface_options["estimator"] = {"type": "SMFDUNet", **TINY_OPTIONS}
    difface_options["path"] |= {
        "pretrain_network_g": str(weights),
        "param_key_g": "params_ema",
        "pretrain_network_estimator": str(tiny_weights),
    }
    testing.write_text(yaml.safe_dump(difface_options, sort_keys=False))
    calls = [f"pipeline.main(['{what}', '-opt', '{what}.yml'])" for what in ("train", "test")]
    program = f"from smfd_plugin import pipeline; print('status', {', '.join(calls)})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "status 0 0" in done.stdout, done.stderr
    assert {path.name for path in weights.parent.glob("*")} >= {"net_g_4.pth", weights.name}
    scores = (done.stdout + done.stderr).count("# psnr")
    assert scores == 3  # at step 3, after training, and in the test


@pytest.mark.parametrize("name", ["prior", "estimator", "test"])
def test_the_option_files_describe_networks_that_can_be_built(name):
    options = yaml.load((OPTIONS / f"difface_{name}.yml").read_text(), OptionLoader)
    assert build_network(options["network_g"])
    if name == "test":
        prior = yaml.load((OPTIONS / "difface_prior.yml").read_text(), OptionLoader)
        assert options["network_g"] == prior["network_g"]
