"""Checks of option files: unknown names, which would be ignored silently, and text where a number
or a section is needed."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from inspect import Parameter
from typing import Any

NUMBERS = (
    "lr",
    "weight_decay",
    "eta_min",
    "gamma",
    "loss_weight",
    "perceptual_weight",
    "style_weight",
    "dice_weight",
    "eps",
    "total_iter",
    "warmup_iter",
    "mask_warmup_iter",
    "ema_decay",
    "grad_clip",
    "part_weight",
    "variational_weight",
    "sharp_ratio",
    "batch_size_per_gpu",
    "num_worker_per_gpu",
    "dataset_enlarge_ratio",
    "print_freq",
    "save_checkpoint_freq",
    "val_freq",
)
"""Options that are numbers, in whichever section."""

LISTS = ("betas", "milestones", "periods", "restart_weights")
"""Options that are lists of numbers."""

SWITCHES = (
    "use_hflip",
    "use_rot",
    "degrade_on_device",
    "pin_memory",
    "channels_last",
    "compile",
    "save_img",
    "pbar",
    "use_tb_logger",
)
"""Options that are true or false."""


def check_names(section: str, names: Iterable[str], known: Collection[str]) -> None:
    """Checks the names of a section's options.

    Args:
        section: of the option file, for the message.
        names: those that it has.
        known: those that are read.

    Raises:
        ValueError: a name that is not known; the message says what is meant, or which there are.
    """
    for name in names:
        if name not in known:
            close = get_close_matches(str(name), known, 1)  # YAML names may be numbers
            there = ", ".join(sorted(known)) or "none"
            remedy = f"did you mean {close[0]}?" if close else f"there are {there}"
            raise ValueError(f"{section} has no option {name!r}; {remedy}")


def check_needed(section: str, names: Collection[str], parameters: Mapping[str, Parameter]) -> None:
    """Checks that a section has every option that its function cannot do without.

    Args:
        section: of the option file, for the message.
        names: those that it has.
        parameters: the function's, by name.

    Raises:
        ValueError: one that has no default is not there; the message names it.
    """
    for name, parameter in parameters.items():
        if parameter.default is Parameter.empty and name not in names:
            raise ValueError(f"{section} lacks the option {name!r}")


def check_values(section: str, options: Mapping[str, Any]) -> None:
    """Checks that an option is a number, a switch or has options of its own, where that is needed.

    Args:
        section: of the option file, for the message.
        options: of the section, those within its options among them.

    Raises:
        ValueError: one that is not; the message names it.
    """
    for name, value in options.items():
        if isinstance(value, Mapping):
            check_values(f"{section}.{name}", value)
        elif name in ("optim_g", "scheduler") or name.endswith("_opt"):
            raise ValueError(
                f"{section}.{name} needs options of its own, `type` among them, not {value!r}"
            )
        elif name in NUMBERS and name != "eps" and isinstance(value, list):  # Adafactor has two eps
            raise ValueError(f"{section}.{name} {value!r} is a list where one number belongs")
        elif name in NUMBERS or name in LISTS:
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, str | None):
                    raise ValueError(
                        f"{section}.{name} {number!r} is no number; YAML wants a point and a sign: "
                        "1.0e-3"
                    )
        elif name in SWITCHES and not isinstance(value, bool | None):
            raise ValueError(f"{section}.{name} {value!r} is neither true nor false")
