"""Options of registered metrics that nothing reads, or that they lack."""

import inspect
from collections.abc import Mapping
from typing import Any

from basicsr.utils.registry import METRIC_REGISTRY

from smfd_plugin.common.option_names import check_names, check_needed

COMMON = ("type", "better", "crop_border", "input_order")
"""What option files may say of every metric, whether or not its function reads it."""


def check_metric_options(section: str, options: Mapping[str, Any]) -> None:
    """Checks a metric's options: BasicSR's functions and ours take any name without a word, and
    look at their values when a validation is half over. What the functions of others take is theirs
    to say.

    Args:
        section: of the option file, for the message.
        options: of the metric; its `type` is registered.

    Raises:
        ValueError: an option that the metric does not have or lacks, a border that is no number of
            pixels, or a word for which scores are better that is none; the message names it.
    """
    better = options.get("better", "higher")
    if better not in ("higher", "lower"):
        raise ValueError(f"{section}.better {better!r} is neither higher nor lower")
    function = METRIC_REGISTRY.get(options["type"])
    if function.__module__.partition(".")[0] not in ("basicsr", "smfd_plugin"):
        return
    own = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name not in ("img", "img2")
    }
    check_names(section, options, {*own, *COMMON})
    check_needed(section, options, own)
    border = options.get("crop_border", 0)
    if not isinstance(border, int) or border < 0:
        raise ValueError(f"{section}.crop_border {border!r} is no whole number of pixels from 0")
