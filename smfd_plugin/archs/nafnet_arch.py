"""NAFNet (arXiv 2204.04676), the plain baseline that SMFD-UNet is compared with."""

from typing import Any

from basicsr.utils.registry import ARCH_REGISTRY
from torch import nn


@ARCH_REGISTRY.register()
def NAFNet(**hyper_parameters: Any) -> nn.Module:
    """Spandrel's NAFNet, for BasicSR's option files.

    Args:
        hyper_parameters: `width`, `enc_blk_nums`, `middle_blk_num`, `dec_blk_nums`.

    Returns:
        A module from (N, 3, H, W) RGB in [0, 1] to the same.

    Raises:
        ModuleNotFoundError: the extra `benchmark` is not installed.
    """
    try:
        from spandrel.architectures import NAFNet as spandrel_nafnet
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "NAFNet comes from spandrel: pip install smfd-plugin[benchmark]"
        ) from error
    return spandrel_nafnet.NAFNet(**hyper_parameters)
