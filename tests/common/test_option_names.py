import pytest

from smfd_plugin.common.option_names import check_names, check_values

KNOWN = ("crop_size", "gt_size")


def test_known_names_pass():
    check_names("datasets.train", ["gt_size"], KNOWN)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("crop_sise", "did you mean crop_size?"),
        ("colour", "there are crop_size, gt_size"),
        (7, "there are crop_size, gt_size"),
    ],
)
def test_an_unknown_name_is_told_what_there_is(name, remedy):
    with pytest.raises(ValueError, match=f"datasets.train has no option {name!r}; ") as error:
        check_names("datasets.train", ["gt_size", name], KNOWN)
    assert str(error.value).endswith(remedy)


@pytest.mark.parametrize(
    ("name", "known", "remedy"),
    [
        (7, KNOWN, "option 7; there are crop_size, gt_size"),
        ("colour", (), "'colour'; there are none"),
    ],
)
def test_a_name_that_is_no_text_and_a_section_without_options(name, known, remedy):
    with pytest.raises(ValueError, match=f"^input has no .*{remedy}$"):
        check_names("input", [name], known)


def test_values_that_fit_pass():
    check_values(
        "train",
        {"ema_decay": 0.9, "optim_g": {"lr": 1, "betas": [0.9], "eps": [1e-9, 1]}, "amp": "bf16"},
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheduler": "MultiStepLR"}, r"train\.scheduler needs options .* 'MultiStepLR'"),
        ({"pixel_opt": "L1Loss"}, r"train\.pixel_opt needs options of its own, `type` among them"),
        ({"ema_decay": "1e-1"}, r"train\.ema_decay '1e-1' is no number; .* a sign: 1\.0e-3"),
        ({"mask_opt": {"loss_weight": "1e-1"}}, r"train\.mask_opt\.loss_weight '1e-1' is no"),
        (
            {"pixel_opt": {"loss_weight": [1]}},
            r"train\.pixel_opt\.loss_weight \[1\] is a list where",
        ),
        ({"optim_g": {"lr": None}}, r"train\.optim_g\.lr None is no number"),
        ({"scheduler": {"periods": ["5e3"]}}, r"train\.scheduler\.periods '5e3' is no number"),
        ({"scheduler": {"milestones": [9, "1e5"]}}, r"train\.scheduler\.milestones '1e5' is no"),
        ({"optim_g": {"eps": [1e-30, "1e-3"]}}, r"train\.optim_g\.eps '1e-3' is no number"),
        ({"channels_last": "maybe"}, r"train\.channels_last 'maybe' is neither true nor false"),
    ],
)
def test_a_value_that_does_not_fit_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        check_values("train", options)
