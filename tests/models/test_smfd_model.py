import copy
import sys
from types import SimpleNamespace

import pytest
import torch
from basicsr.data import build_dataset
from basicsr.models import build_model
from torch.utils.data import default_collate

from smfd_plugin.models import TrainingDivergedError, smfd_model
from smfd_plugin.models.restoration_model import MAX_BAD_STEPS


@pytest.fixture
def prepared(options, tmp_path):
    """Options as BasicSR's parser leaves them."""
    (tmp_path / "models").mkdir()
    (tmp_path / "training_states").mkdir()
    options |= {"is_train": True, "dist": False, "rank": 0, "world_size": 1}
    options["path"] |= {
        "models": str(tmp_path / "models"),
        "training_states": str(tmp_path / "training_states"),
    }
    return options


def build(options):
    torch.manual_seed(0)
    return build_model(options)


def fixed_batch(options):
    torch.manual_seed(0)
    dataset = build_dataset(options["datasets"]["train"])
    return default_collate([dataset[i % len(dataset)] for i in range(4)])


def train(model, batch, steps, first=1):
    """Losses of `steps` steps on one batch."""
    history = []
    for step in range(first, first + steps):
        model.feed_data(batch)
        model.optimize_parameters(step)
        history.append(dict(model.get_current_log()))
    return history


@pytest.mark.parametrize("amp", [None, "bf16"])
def test_training_lowers_every_loss(prepared, amp):
    prepared["train"] |= {"mask_warmup_iter": 0, "amp": amp, "channels_last": amp is not None}
    history = train(build(prepared), fixed_batch(prepared), 60)
    assert history[0].keys() == {"l_mask", "l_pix", "l_frequency"}
    assert history[-1]["l_pix"] < 0.9 * history[0]["l_pix"]
    assert history[-1]["l_frequency"] < 0.95 * history[0]["l_frequency"]
    assert history[-1]["l_mask"] < 0.7 * history[0]["l_mask"]


def test_training_lowers_the_loss_of_what_the_model_degrades_itself(prepared):
    prepared["train"] |= {"mask_warmup_iter": 0, "ssim_opt": {"type": "SSIMLoss"}}
    prepared["datasets"]["train"]["degrade_on_device"] = True
    model = build(prepared)
    history = train(model, fixed_batch(prepared), 60)
    assert history[-1]["l_ssim"] < 0.95 * history[0]["l_ssim"]
    assert history[-1]["l_pix"] < 0.9 * history[0]["l_pix"]


def test_the_model_degrades_as_the_loader_does(prepared):
    train_set = prepared["datasets"]["train"]
    train_set["blur"] = {"factors": {"noise": [0.0], "jpeg": [0], "light": ["encoded", "linear"]}}
    pairs = fixed_batch(prepared)
    train_set["degrade_on_device"] = True
    model = build(prepared)
    model.feed_data(fixed_batch(prepared))
    assert torch.equal(model.gt, pairs["gt"])
    assert (model.lq - pairs["lq"]).abs().max() < 1.01 / 255
    assert (pairs["lq"] - pairs["gt"]).abs().max() > 0.05


def test_the_warm_up_trains_masks_only(prepared):
    model = build(prepared)
    before = copy.deepcopy(model.net_g.state_dict())
    history = train(model, fixed_batch(prepared), 2)
    changed = {
        name.split(".")[0]
        for name, value in model.net_g.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {"mask_generator"}
    assert history[0].keys() == {"l_mask"}
    assert "l_pix" in train(model, fixed_batch(prepared), 1, first=3)[0]


def test_a_warm_up_without_a_single_mask_is_named(prepared, monkeypatch):
    monkeypatch.setattr(smfd_model, "MAX_STEPS_WITHOUT_MASK", 3)
    prepared["train"]["mask_warmup_iter"] = 99
    model, masked = build(prepared), fixed_batch(prepared)
    unmasked = masked | {"has_mask": torch.zeros_like(masked["has_mask"])}
    for batch in (unmasked, unmasked, masked, unmasked, unmasked):
        train(model, batch, 1)
    with pytest.raises(ValueError, match=r"3 steps of train.mask_warmup_iter had no face with"):
        train(model, unmasked, 1)


def test_the_kernel_has_a_loss_of_its_own(prepared):
    prepared["network_g"]["kernel_widths"] = [4, 8]
    prepared["datasets"]["train"]["kernel_size"] = 47
    prepared["train"] |= {
        "mask_warmup_iter": 0,
        "kernel_opt": {"type": "KernelLoss", "loss_weight": 0.1},
    }
    history = train(build(prepared), fixed_batch(prepared), 30)
    assert history[-1]["l_kernel"] < 0.8 * history[0]["l_kernel"]


def test_the_identity_is_part_of_the_loss(prepared, colour_embedder):
    prepared["train"] |= {
        "mask_warmup_iter": 0,
        "identity_opt": {"type": "IdentityLoss", "model": str(colour_embedder())},
    }
    model = build(prepared)
    (losses,) = train(model, fixed_batch(prepared), 1)
    batch = fixed_batch(prepared)
    expected = model.cri_identity(batch["lq"], batch["gt"], batch["face_box"])
    assert losses["l_identity"] == pytest.approx(expected.item(), rel=1e-3)
    prepared["datasets"]["train"]["type"] = "PairedImageDataset"
    with pytest.raises(ValueError, match=r"identity_opt needs datasets.train.type FaceBlurDataset"):
        build(prepared)


@pytest.mark.parametrize("kind", ["SSIMLoss", "FrequencyLoss"])
def test_the_pixel_loss_need_not_take_weights(prepared, kind):
    prepared["train"] |= {"mask_warmup_iter": 0, "pixel_opt": {"type": kind}}
    with pytest.raises(ValueError, match=rf"part_weight needs a .*; for {kind} leave it out"):
        build(prepared)
    del prepared["train"]["part_weight"]
    model, batch = build(prepared), fixed_batch(prepared)
    expected = model.cri_pix(batch["lq"], batch["gt"]).item()  # an untrained network changes none
    assert train(model, batch, 1)[0]["l_pix"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["EDSR", "NAFNet"])  # a class, and a function that makes one
def test_a_network_without_masks_is_refused_at_the_start(prepared, kind):
    prepared["network_g"] = {"type": kind}
    message = rf"network that draws masks, .*; for {kind} take model_type RestorationModel"
    with pytest.raises(ValueError, match=message):
        build(prepared)


def test_true_masks_steer_faces_that_have_one(prepared):
    model = build(prepared | {"true_masks": True})
    net = model.get_bare_model(model.net_g)
    for layer in (net.tail, *(fusion.scale_shift for fusion in net.encoder_fusion)):
        torch.nn.init.normal_(layer.weight, std=0.05)
    model.feed_data(fixed_batch(prepared))
    model.has_mask[0] = False
    change = (model._restore(net)[0] - net(model.lq)).abs().amax((1, 2, 3))
    assert change[0] < 0.5 * change[1:].min()
    assert "l_pix" in train(model, fixed_batch(prepared), 1, first=3)[0]


def test_part_weights_favour_the_features_and_keep_the_mean(prepared):
    model = build(prepared)
    model.feed_data(fixed_batch(prepared))
    weights = model._part_weights()
    eyes = (model.mask == 3)[:, None].expand_as(weights)
    assert weights.mean().item() == pytest.approx(1, abs=1e-5)
    assert (weights[eyes] / weights[~eyes].min()).unique().item() == pytest.approx(2)


def test_a_batch_without_masks_trains_the_image_only(prepared):
    model = build(prepared)
    batch = fixed_batch(prepared)
    paired = {"lq": batch["lq"], "gt": batch["gt"]}
    assert train(model, paired, 1, first=3)[0]["l_mask"] == 0


def test_a_step_with_a_loss_that_is_not_finite_is_skipped(prepared, caplog):
    model = build(prepared)
    batch = fixed_batch(prepared)
    train(model, batch, 3)
    before = copy.deepcopy(model.net_g.state_dict())
    bad = batch | {"gt": torch.full_like(batch["gt"], float("nan"))}
    with caplog.at_level("WARNING", "basicsr"):
        train(model, bad, 1, first=4)
    assert "Iter 4: loss is not finite, step skipped" in caplog.text
    assert all(torch.equal(v, before[k]) for k, v in model.net_g.state_dict().items())
    train(model, batch, 1, first=5)
    assert model.bad_steps == 0


def test_ten_bad_steps_in_a_row_stop_the_run(prepared):
    model = build(prepared)
    batch = fixed_batch(prepared)
    bad = batch | {"gt": torch.full_like(batch["gt"], float("inf"))}
    with pytest.raises(TrainingDivergedError, match="last checkpoint is kept"):
        train(model, bad, MAX_BAD_STEPS, first=3)
    assert model.bad_steps == MAX_BAD_STEPS


def test_gradients_are_clipped(prepared):
    prepared["train"] |= {"grad_clip": 1e-3, "mask_warmup_iter": 0}
    model = build(prepared)
    train(model, fixed_batch(prepared), 1)
    grads = [p.grad.norm() for p in model.net_g.parameters() if p.grad is not None]
    assert torch.stack(grads).norm().item() <= 1.01e-3


def test_the_average_follows_the_weights(prepared):
    model = build(prepared)
    train(model, fixed_batch(prepared), 1, first=3)
    start = build(prepared).net_g.state_dict()
    average, now = model.net_g_ema.state_dict(), model.net_g.state_dict()
    for name in start:
        torch.testing.assert_close(average[name], 0.9 * start[name] + 0.1 * now[name])


def test_a_save_carries_the_network_and_loads_safely(prepared, tmp_path):
    model = build(prepared)
    train(model, fixed_batch(prepared), 3)
    model.save(0, 3)
    saved = torch.load(tmp_path / "models/net_g_3.pth", weights_only=True)
    assert saved.keys() == {"params", "params_ema", "network"}
    assert saved["network"] == prepared["network_g"]
    assert not list(tmp_path.rglob("*.partial"))

    prepared["path"]["pretrain_network_g"] = str(tmp_path / "models/net_g_3.pth")
    again = build(prepared)
    again.resume_training(torch.load(tmp_path / "training_states/3.state", weights_only=True))
    batch = fixed_batch(prepared)
    assert train(again, batch, 2, first=4) == train(model, batch, 2, first=4)


def test_a_model_restores_a_batch_without_a_validation(prepared):
    """As inference scripts of BasicSR call models."""
    model = build(prepared)
    model.feed_data({"lq": torch.rand(1, 3, 64, 64)})
    model.test()
    assert model.get_current_visuals()["result"].shape == (1, 3, 64, 64)


def test_the_last_step_is_validated_once(prepared, monkeypatch):
    model, done = build(prepared), []
    monkeypatch.setattr(
        model, "nondist_validation", lambda loader, step, *_: done.append((loader.name, step))
    )
    for step in (2, 5, 8):  # BasicSR counts one on in each epoch that is left
        for name in ("val_1", "val_2"):
            dataset = SimpleNamespace(opt={"name": name})
            model.validation(SimpleNamespace(dataset=dataset, name=name), step, None)
            model.validation(SimpleNamespace(dataset=dataset, name=name), step, None)
    assert prepared["train"]["total_iter"] == 6
    assert done == [(name, step) for step in (2, 5, 6) for name in ("val_1", "val_2")]


def test_validation_scores_the_picture_and_the_masks(prepared, caplog):
    from basicsr.data import build_dataloader

    model = build(prepared)
    options = prepared["datasets"]["val"] | {"phase": "val"}
    loader = build_dataloader(build_dataset(options), options)
    with caplog.at_level("INFO", "basicsr"):
        model.validation(loader, 3, None, save_img=False)
    assert "# psnr" in caplog.text
    assert "Validation val: mask mIoU" in caplog.text
    assert model.confusion.sum() == 2 * 64 * 64


def test_unknown_choices_are_refused(prepared):
    prepared["train"]["amp"] = "fp8"
    with pytest.raises(ValueError, match=r"train\.amp is 'fp8'"):
        build(prepared)
    prepared["train"] |= {"amp": None, "total_iter": 100_001}
    with pytest.raises(ValueError, match="periods end before"):
        build(prepared)
    prepared["train"]["total_iter"] = 6
    for kind, message in (
        ("Magic", "'Magic' is not in torch.optim"),
        ("timm.Magic", "'timm.Magic' is not in timm.optim"),
        ("os.Muon", "'os.Muon': no library 'os'"),
    ):
        prepared["train"]["optim_g"] = {"type": kind, "lr": 1}
        with pytest.raises(ValueError, match=message):
            build(prepared)


def test_a_misspelt_option_is_named(prepared):
    prepared["train"]["mask_warm_up_iter"] = 5
    with pytest.raises(ValueError, match=r"train has no option .*; did you mean mask_warmup_iter"):
        build(prepared)
    del prepared["train"]["mask_warm_up_iter"]
    prepared["path"]["pretrain_netwrk_g"] = "nosuch.pth"
    with pytest.raises(ValueError, match=r"path has no option .*; did you mean pretrain_network_g"):
        build(prepared)


def test_an_optimizer_of_timm_makes_every_update_of_a_convolution_equally_large(prepared):
    # Muon with matched scales (arXiv 2502.16982, section 2.2): 0.2 for each weight, times the rate.
    prepared["train"] |= {"mask_warmup_iter": 0, "optim_g": {"type": "timm.Muon", "lr": 1e-2}}
    model = build(prepared)
    weight = model.net_g.mask_generator.encoder[0].fuse.weight
    before = weight.detach().clone()
    train(model, fixed_batch(prepared), 1)
    change = (weight.detach() - before).square().mean().sqrt()
    assert change == pytest.approx(0.2 * 1e-2, rel=0.3)


def test_timm_that_is_not_installed_is_named(prepared, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm.optim", None)
    prepared["train"]["optim_g"] = {"type": "timm.Muon", "lr": 1e-2}
    with pytest.raises(ModuleNotFoundError, match=r"^timm\S* is .*'smfd-plugin\[train\]'"):
        build(prepared)


def test_a_learning_rate_that_yaml_reads_as_text_is_named(prepared):
    prepared["train"]["optim_g"]["lr"] = "1e-3"
    with pytest.raises(ValueError, match=r"lr '1e-3' is no number.*1\.0e-3"):
        build(prepared)


def test_another_number_of_classes_is_refused_at_the_start(prepared):
    prepared["network_g"]["num_classes"] = 9
    with pytest.raises(ValueError, match=r"num_classes 9 is not the 7 of SMFDModel's masks"):
        build(prepared)


def test_only_trainable_modules_change(prepared):
    prepared["train"] |= {"mask_warmup_iter": 0, "trainable": ["decoder.0", "tail"]}
    model = build(prepared)
    before = copy.deepcopy(model.net_g.state_dict())
    train(model, fixed_batch(prepared), 2)
    changed = {
        name
        for name, value in model.net_g.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed
    assert all(name.startswith(("decoder.0.", "tail.")) for name in changed)


@pytest.mark.parametrize(
    ("names", "message"),
    [(["decodr.0"], r"no module 'decodr\.0'"), ("tail", r"'tail' is no list; \[tail\]")],
)
def test_a_trainable_module_that_is_not_there_is_named(prepared, names, message):
    prepared["train"]["trainable"] = names
    with pytest.raises(ValueError, match=message):
        build(prepared)


@pytest.mark.parametrize(
    ("widths", "size", "message"),
    [([], 47, r"network_g\.kernel_widths"), ([4, 8], 31, "kernel_size 47, not 31")],
)
def test_a_loss_of_the_kernel_needs_a_kernel(prepared, widths, size, message):
    prepared["network_g"]["kernel_widths"] = widths
    prepared["datasets"]["train"]["kernel_size"] = size
    prepared["train"]["kernel_opt"] = {"type": "KernelLoss"}
    with pytest.raises(ValueError, match=message):
        build(prepared)


def test_a_loss_of_the_kernel_needs_a_set_that_knows_it(prepared):
    prepared["network_g"]["kernel_widths"] = [4, 8]
    prepared["datasets"]["train"] |= {"type": "PairedImageDataset", "kernel_size": 47}
    prepared["train"]["kernel_opt"] = {"type": "KernelLoss"}
    with pytest.raises(ValueError, match=r"kernel_opt needs datasets.train.type FaceBlurDataset"):
        build(prepared)
