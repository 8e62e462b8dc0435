import pytest
import torch
from basicsr.data import build_dataloader, build_dataset
from basicsr.models import build_model
from torch.nn.utils import parameters_to_vector
from torch.utils.data import default_collate

from smfd_plugin.models import RestorationModel
from smfd_plugin.weights import WeightsError, load_network, read_checkpoint


@pytest.fixture
def prepared(options, tmp_path):
    """Options of an estimator's training, as BasicSR's parser leaves them."""
    folders = {name: str(tmp_path) for name in ("models", "training_states")}
    options |= {"is_train": True, "dist": False, "rank": 0, "world_size": 1}
    options |= {"model_type": "RestorationModel"}
    options["network_g"] = {"type": "SRCNNEstimator", "width": 16, "depth": 1}
    options["path"] |= folders
    for name in ("mask_opt", "mask_warmup_iter", "part_weight"):
        del options["train"][name]
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"lr: 1.0e-3\n", "no weights file"),
        (b"PK\x03\x04 half of it", "truncated or no weights file"),
        ({"params": {"a": 1}}, "holds no weights of a network"),
        ({"params": {"tail.weight": torch.zeros(2)}}, r"does not fit SRCNNEstimator: Missing key"),
    ],
)
def test_weights_that_cannot_be_used_are_named(prepared, tmp_path, content, message):
    path = tmp_path / "start.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    prepared["path"]["pretrain_network_g"] = str(path)
    with pytest.raises(WeightsError, match=rf"start\.pth.* {message}"):
        build_model(prepared)


def test_weights_are_not_taken_for_others(prepared, tmp_path):
    path = tmp_path / "start.pth"
    torch.save({"params": {"a": torch.zeros(1)}, "params_ema": {"a": torch.ones(1)}}, path)
    prepared["path"] |= {"pretrain_network_g": str(path), "param_key_g": "params_emma"}
    message = (
        r"start\.pth holds no weights of a network under params_emma; it has params, params_ema"
    )
    with pytest.raises(WeightsError, match=message):
        build_model(prepared)


def test_options_are_checked(prepared):
    prepared["train"]["grad_clipp"] = 1.0
    with pytest.raises(
        ValueError, match="train has no option 'grad_clipp'; did you mean grad_clip"
    ):
        build_model(prepared)


def test_weights_that_are_not_there_are_named(prepared):
    prepared["path"]["pretrain_network_g"] = "nowhere.pth"
    with pytest.raises(WeightsError, match=r"no weights file nowhere\.pth"):
        build_model(prepared)


def test_shipped_weights_have_names(prepared):
    prepared["network_g"] = dict(read_checkpoint("tiny").network)
    prepared["path"]["pretrain_network_g"] = "tiny"
    model = build_model(prepared)
    expected = load_network("tiny").state_dict()
    assert all(
        torch.equal(value, expected[name]) for name, value in model.net_g.state_dict().items()
    )


def test_an_option_that_is_null_is_absent(prepared, batch):
    prepared["train"] |= dict.fromkeys(
        ("amp", "grad_clip", "trainable", "frequency_opt", "compile")
    )
    (logged,) = train(build_model(prepared), batch, 1)
    assert logged.keys() == {"l_pix"}


@pytest.mark.parametrize("amp", [None, "fp16"])
def test_the_gradient_is_clipped(prepared, batch, amp):
    """A step of SGD at rate 1 is as long as the gradient."""
    prepared["train"] |= {"optim_g": {"type": "SGD", "lr": 1.0}, "amp": amp}

    def step(longest):
        prepared["train"]["grad_clip"] = longest
        torch.manual_seed(0)
        model = build_model(prepared)
        before = parameters_to_vector(model.net_g.parameters()).detach().clone()
        list(train(model, batch, 1))
        return (parameters_to_vector(model.net_g.parameters()) - before).norm().item()

    free = step(None)
    assert step(2 * free) == pytest.approx(free, rel=1e-3)
    assert step(free / 4) == pytest.approx(free / 4, rel=1e-3)


def test_a_resumed_run_draws_new_random_numbers(prepared, batch, tmp_path):
    def draw(step):
        torch.manual_seed(prepared["manual_seed"])
        model = build_model(prepared)
        state = torch.load(tmp_path / "2.state", weights_only=True)
        model.resume_training(state | {"iter": step})
        return torch.rand(4).tolist()

    model = build_model(prepared)
    list(train(model, batch, 2))
    model.save_training_state(0, 2)
    torch.manual_seed(prepared["manual_seed"])
    fresh = torch.rand(4).tolist()
    assert draw(2) == draw(2)
    assert fresh != draw(2) != draw(4)


def test_a_transformer_is_trained_as_well(prepared, batch):
    prepared["network_g"] = {
        "type": "SwinIREstimator", "img_size": 4, "embed_dim": 12, "depths": [2],
        "num_heads": [2], "window_size": 4,
    }  # fmt: skip
    torch.manual_seed(0)
    history = list(train(build_model(prepared), batch, 20))
    assert history[-1]["l_pix"] < 0.9 * history[0]["l_pix"]


def test_a_run_resumed_with_another_schedule_follows_the_new_one(prepared, batch, tmp_path):
    """Ten steps to zero, gone on from after five, of forty at a fifth of the rate."""
    plan = prepared["train"]["scheduler"]

    def build(periods, lr):
        prepared["train"]["optim_g"] = {"type": "SGD", "lr": lr, "weight_decay": lr}
        prepared["train"]["scheduler"] = plan | {"periods": periods}
        return build_model(prepared)

    model = build([10], 1e-3)
    for step in range(1, 6):
        model.update_learning_rate(step, warmup_iter=None)
        list(train(model, batch, 1))
    model.save_training_state(0, 5)
    resumed, fresh = build([40], 2e-4), build([40], 2e-4)
    resumed.resume_training(torch.load(tmp_path / "5.state", weights_only=True))
    for step in range(1, 13):
        fresh.update_learning_rate(step)
        if step > 5:
            resumed.update_learning_rate(step)
            assert resumed.get_current_learning_rate() == fresh.get_current_learning_rate()
    assert resumed.optimizers[0].param_groups[0]["weight_decay"] == 2e-4


def multi_step(prepared, milestones):
    prepared["train"]["scheduler"] = {"type": "MultiStepLR", "milestones": milestones}
    return build_model(prepared)


def test_a_run_resumed_with_other_milestones_follows_the_new_ones(prepared, tmp_path):
    model = multi_step(prepared, [4])
    for step in range(1, 6):
        model.update_learning_rate(step, warmup_iter=8)
    model.save_training_state(0, 5)
    resumed, fresh = multi_step(prepared, [2, 7]), multi_step(prepared, [2, 7])
    resumed.resume_training(torch.load(tmp_path / "5.state", weights_only=True))
    for step in range(1, 12):
        fresh.update_learning_rate(step, warmup_iter=8)
        if step > 5:
            resumed.update_learning_rate(step, warmup_iter=8)
            assert resumed.get_current_learning_rate() == fresh.get_current_learning_rate()


def test_a_run_resumed_beyond_its_new_end_has_nothing_left_to_do(prepared, tmp_path):
    model = build_model(prepared)
    model.save_training_state(0, 50)
    prepared["train"]["total_iter"] = 10
    prepared["train"]["scheduler"] = {"type": "CosineAnnealingRestartLR", "periods": [10]}
    build_model(prepared).resume_training(torch.load(tmp_path / "50.state", weights_only=True))


def test_the_warm_up_ends_at_the_rate_of_a_schedule_in_steps(prepared):
    prepared["train"]["optim_g"]["lr"] = 1.0
    model = multi_step(prepared, [6])
    rates = []
    for step in range(1, 9):
        model.update_learning_rate(step, warmup_iter=4)
        rates += model.get_current_learning_rate()
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 0.1, 0.1])


def test_the_scale_of_16_bit_losses_is_resumed(prepared, batch, tmp_path):
    prepared["train"] |= {"amp": "fp16", "optim_g": {"type": "SGD", "lr": 1e-3}}
    model = build_model(prepared)
    first_scale = model.scaler.get_scale()
    list(train(model, batch, 1))
    model.scaler.update(128.0)
    model.save_training_state(0, 1)
    state = torch.load(tmp_path / "1.state", weights_only=True)

    def resumed_scale(state):
        model = build_model(prepared)
        model.resume_training(state)
        return model.scaler.get_scale()

    assert resumed_scale(state) == 128
    del state["scaler"]  # a file from before it was saved
    assert resumed_scale(state) == first_scale


def test_the_average_has_the_statistics_of_batch_normalization(prepared, batch):
    model = build_model(prepared)
    model.net_g = torch.nn.BatchNorm2d(3)
    model.net_g_ema = torch.nn.BatchNorm2d(3)
    model.net_g(batch["lq"])
    model.model_ema(0.5)
    assert model.net_g_ema.num_batches_tracked == 1
    assert torch.equal(model.net_g_ema.running_var, model.net_g.running_var)


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("train", "optim_g", "Adam", r"train\.optim_g needs options of its own"),
        ("train", "warmup_iter", "1e1", r"train\.warmup_iter '1e1' is no number"),
        ("train", "pixel_opt", None, "train needs pixel_opt or perceptual_opt; frequency_opt"),
        ("logger", "print_freq", 0, r"logger\.print_freq 0 is no whole number of steps"),
        ("logger", "save_checkpoint_freq", "5e3", r"save_checkpoint_freq '5e3' is no number"),
        ("val", "val_freq", 0, r"val\.val_freq 0 is no whole number of steps"),
    ],
)
def test_a_value_that_does_not_fit_is_named(prepared, section, name, value, message):
    prepared[section][name] = value
    with pytest.raises(ValueError, match=message):
        build_model(prepared)


def test_what_a_file_lacks_starts_alike_in_the_averaged_weights(prepared, tmp_path):
    torch.manual_seed(0)
    state = build_model(prepared).net_g.state_dict()
    kept = next(iter(state))
    torch.save({"params": {kept: state[kept]}}, tmp_path / "part.pth")
    prepared["path"] |= {"pretrain_network_g": str(tmp_path / "part.pth"), "strict_load_g": False}
    model = build_model(prepared)
    averaged = model.net_g_ema.state_dict()
    assert torch.equal(averaged[kept], state[kept])
    for name, value in model.net_g.state_dict().items():
        assert torch.equal(averaged[name], value), name


def test_16_bits_on_several_gpus_in_one_process_are_refused(prepared, monkeypatch):
    wrap = torch.nn.DataParallel
    monkeypatch.setattr(RestorationModel, "model_to_device", lambda _, net: wrap(net))
    build_model(prepared)
    prepared["train"]["amp"] = "bf16"
    with pytest.raises(ValueError, match=r"train\.amp on several GPUs .* torchrun"):
        build_model(prepared)


def test_a_wrapped_network_is_tested_without_its_wrapper(prepared, batch):
    del prepared["train"]["ema_decay"]
    model = build_model(prepared)
    bare = model.net_g
    model.net_g = torch.nn.DataParallel(bare)
    model.feed_data(batch)
    model.test()
    assert model.network_to_test() is bare and bare.training
    assert model.output.shape == model.gt.shape and not model.output.requires_grad


def test_a_set_without_sharp_pictures_is_not_scored_against_the_last_batch(prepared, batch):
    model = build_model(prepared)
    options = {
        "name": "photos", "type": "SingleImageDataset", "phase": "val",
        "dataroot_lq": prepared["datasets"]["val"]["dataroot"] + "/images",
        "io_backend": {"type": "disk"},
    }  # fmt: skip
    loader = build_dataloader(build_dataset(options), options)
    list(train(model, batch, 1))
    message = r"val\.metrics compare with sharp pictures, of which the data set photos has none"
    with pytest.raises(ValueError, match=message):
        model.validation(loader, 1, None, save_img=False)
