import pytest

from smfd_plugin.models.run_options import OPTIONS, RUN_OPTIONS, read_run_options


def read(**opt):
    return read_run_options({"name": "x", "network_g": {}, **opt}, OPTIONS, RUN_OPTIONS)


def test_what_is_null_is_absent():
    assert read(train={"total_iter": 3, "amp": None}, val=None) == {"total_iter": 3}
    assert read() == {}


def test_sets_to_score_have_names_of_their_own():
    datasets = {"train": {"name": "faces"}, "val_1": {"name": "faces"}, "val_2": {"name": "held"}}
    read(datasets=datasets)
    datasets["val_2"]["name"] = "faces"
    with pytest.raises(ValueError, match="two of datasets have the name 'faces'; give each its"):
        read(datasets=datasets)


def test_networks_have_any_name():
    assert read(network_identity={}, path={"pretrain_network_identity": "a.pth"}) == {}


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        (None, "true_mask", True, "the option file has no option 'true_mask'"),
        (
            "val",
            "metrics",
            {"psnr": {"type": "calculate_psnr", "crop_border": 0, "test_y_chanel": True}},
            "val.metrics.psnr has no option 'test_y_chanel'; did you mean test_y_channel",
        ),
        ("val", "metrics", "psnr", "val.metrics needs a name for each metric .*, not 'psnr'"),
        ("val", "metrics", {"psnr": "calculate_psnr"}, "val.metrics needs a name for each metric"),
        ("train", "scheduler", {"periods": 3}, r"scheduler.periods 3 is no list; \[3\] for"),
        ("val", "metric", {}, "val has no option 'metric'; did you mean metrics?"),
        ("val", "val_freq", 0, "val.val_freq 0 is no whole number of steps from 1; for never"),
        (
            "val",
            "val_freq",
            2.5,
            r"val.val_freq 2\.5 is no whole number of steps from 1; for never",
        ),
        ("train", "total_iter", float("inf"), "train.total_iter inf is no whole number from 1"),
        ("train", "total_iter", -5, "train.total_iter -5 is no whole number from 1"),
        (
            "logger",
            "print_frequency",
            3,
            "logger has no option 'print_frequency'; did you mean print",
        ),
        ("path", "pretrain_network_h", "a", "path has no option 'pretrain_network_h'"),
        ("train", "grad_clip", 0, "grad_clip 0 is not above 0; leave it out"),
        ("train", "ema_decay", 2, r"ema_decay 2 is not in \[0, 1\)"),
        ("train", "total_iter", "many", "train.total_iter 'many' is no number"),
    ],
)
def test_options_that_do_not_fit_are_named(section, name, value, message):
    with pytest.raises(ValueError, match=message):
        read(**({section: {name: value}} if section else {name: value}))
