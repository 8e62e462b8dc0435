"""What an option file may say of a run, checked before it starts."""

from collections.abc import Collection, Mapping
from typing import Any

from smfd_plugin.common.option_names import check_names, check_values
from smfd_plugin.common.option_section import OptionSection, without_nulls
from smfd_plugin.metrics.option_check import check_metric_options

OPTIONS = (
    *("name", "model_type", "scale", "num_gpu", "manual_seed", "find_unused_parameters"),
    *("datasets", "network_g", "path", "train", "val", "logger", "dist_params"),
    *("dist", "rank", "world_size", "auto_resume", "is_train", "root_path"),
)
"""Names at the top of an option file, and those that BasicSR adds to them (last line)."""

SECTIONS = {
    "val": ("val_freq", "save_img", "suffix", "pbar", "metrics"),
    "logger": ("print_freq", "save_checkpoint_freq", "use_tb_logger", "wandb"),
}
"""Names of what BasicSR reads in its own sections."""

FREQUENCIES = {"logger": ("print_freq", "save_checkpoint_freq"), "val": ("val_freq",)}
"""Names of what counts steps, by section."""

RUN_OPTIONS = (
    "total_iter",
    "warmup_iter",
    "ema_decay",
    "optim_g",
    "scheduler",
    "grad_clip",
    "amp",
    "channels_last",
    "compile",
    "trainable",
)
"""Names of what every model here reads under `train`."""


def read_run_options(
    opt: Mapping[str, Any], known: Collection[str], train: Collection[str]
) -> OptionSection:
    """Checks an option file, as BasicSR's parser leaves it, but for data sets and networks, which
    check their own.

    Args:
        opt: the option file.
        known: names at its top, beside those of networks.
        train: names under `train`.

    Returns:
        The options under `train` without nulls.

    Raises:
        ValueError: an option that there is not, or one that does not fit.
    """
    top = [name for name in opt if not name.startswith("network_")]
    check_names("the option file", top, known)
    check_names("path", opt.get("path", {}), _path_options(opt))
    for section, names in SECTIONS.items():
        check_names(section, opt.get(section) or {}, names)
        check_values(section, opt.get(section) or {})
    _check_data_set_names(opt.get("datasets", {}))
    metrics = (opt.get("val") or {}).get("metrics") or {}
    for name, metric in _metrics(metrics).items():
        check_metric_options(f"val.metrics.{name}", metric)
    _check_frequencies(opt)
    check_names("train", opt.get("train", {}), train)
    options = without_nulls(opt.get("train", {}))
    check_values("train", options)
    _check_ranges(options)
    periods = options.get("scheduler", {}).get("periods", [])
    if not isinstance(periods, list | tuple):
        raise ValueError(
            f"train.scheduler.periods {periods!r} is no list; [{periods}] for instance"
        )
    return options


def _check_data_set_names(datasets: Mapping[str, Mapping[str, Any]]) -> None:
    """Scores and pictures go by the name of their data set."""
    names = [each.get("name") for phase, each in datasets.items() if phase != "train"]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two of datasets have the name {name!r}; give each its own")


def _metrics(metrics: object) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(metrics, Mapping) and all(isinstance(each, Mapping) for each in metrics.values()):
        return metrics
    raise ValueError(
        "val.metrics needs a name for each metric and options of its own, "
        f"{{psnr: {{type: calculate_psnr, crop_border: 0}}}} for instance, not {metrics!r}"
    )


def _path_options(opt: Mapping[str, Any]) -> list[str]:
    """Names of what is read under `path`, and of what BasicSR puts there."""
    networks = {name.removeprefix("network_") for name in opt if name.startswith("network_")}
    return [
        "root",
        "experiments_root",
        "models",
        "training_states",
        "log",
        "visualization",
        "results_root",
        "resume_state",
        "ignore_resume_networks",
        *(
            f"{what}_{name}"
            for what in ("pretrain_network", "param_key", "strict_load")
            for name in networks | {"g", "estimator"}
        ),
    ]


def _check_ranges(options: Mapping[str, Any]) -> None:
    if not _is_count(options.get("total_iter", 1)):
        raise ValueError(f"train.total_iter {options['total_iter']} is no whole number from 1")
    if not options.get("grad_clip", 1) > 0:
        raise ValueError(
            f"train.grad_clip {options['grad_clip']} is not above 0; leave it out for no limit"
        )
    if not 0 <= options.get("ema_decay", 0) < 1:
        raise ValueError(f"train.ema_decay {options['ema_decay']} is not in [0, 1)")


def _check_frequencies(opt: Mapping[str, Any]) -> None:
    for section, names in FREQUENCIES.items():
        options = opt.get(section) or {}
        for name in names:
            if not _is_count(options.get(name, 1)):
                raise ValueError(
                    f"{section}.{name} {options[name]} is no whole number of steps from 1; for "
                    "never, name more than train.total_iter"
                )


def _is_count(steps: float) -> bool:
    return steps >= 1 and steps % 1 == 0
