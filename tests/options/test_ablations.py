"""The option files of the ablations differ from their base in one thing each."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "options" / "ablations"

CHANGED = {
    "no_masks": {"network_g.guided_stages"},
    "bottleneck_masks": {"network_g.guided_stages"},
    "true_masks": {"true_masks"},
    "no_attention": {"network_g.attention"},
    "plain_blocks": {"network_g.dense"},
}


def flat(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found = {}
    for name, value in options.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


@pytest.fixture
def differences(read_options) -> Callable[..., set[str]]:
    """What an ablation's file changes against another, but for its name."""

    def between(name: str, against: str = "base") -> set[str]:
        base, other = (flat(read_options(f"ablations/{file}")) for file in (against, name))
        nothing = object()
        return {
            key for key in base | other if base.get(key, nothing) != other.get(key, nothing)
        } - {"name"}

    return between


@pytest.mark.parametrize("name", CHANGED)
def test_an_ablation_changes_one_thing(differences, name):
    assert differences(name) == CHANGED[name]


def test_nafnet_changes_the_network_and_what_goes_with_it(differences):
    assert {key for key in differences("nafnet") if not key.startswith("network_g.")} == {
        "model_type",
        "true_masks",
        "path.pretrain_network_g",
        "train.mask_opt.type",
        "train.mask_opt.loss_weight",
    }


def test_no_deconvolution_changes_what_belongs_to_deconvolution(differences):
    assert differences("no_deconvolution", against="deconvolution") == {
        "network_g.kernel_widths",
        "datasets.train.kernel_size",
        "train.kernel_opt.type",
        "train.kernel_opt.loss_weight",
        "train.trainable",
    }


def test_every_file_is_checked():
    assert {path.stem for path in FOLDER.glob("*.yml")} == {
        *CHANGED,
        "base",
        "nafnet",
        "deconvolution",
        "no_deconvolution",
    }


def test_the_comparison_reads_what_the_trainings_write(read_options):
    methods = read_options("benchmark_ablations")["methods"]
    for name in ("base", "no_masks", "bottleneck_masks", "no_attention", "plain_blocks", "nafnet"):
        options = read_options(f"ablations/{name}")
        written = f"experiments/{options['name']}/models/net_g_latest.pth"
        assert methods[name]["weights"] == written
    assert methods["nafnet"]["network"] == read_options("ablations/nafnet")["network_g"]
