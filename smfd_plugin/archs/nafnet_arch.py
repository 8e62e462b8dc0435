"""NAFNet (arXiv 2204.04676), the plain baseline that SMFD-UNet is compared with."""

from typing import Any

from basicsr.utils.registry import ARCH_REGISTRY
from torch import nn

from smfd_plugin.archs.blocks import zeroed
from smfd_plugin.common.extras import extra


@ARCH_REGISTRY.register()
def NAFNet(**hyper_parameters: Any) -> nn.Module:
    """Spandrel's NAFNet, for BasicSR's option files. Its last layer starts at zero, as ours does,
    so that in a short run neither has a head start.

    Args:
        hyper_parameters: `width`, `enc_blk_nums`, `middle_blk_num`, `dec_blk_nums`.

    Returns:
        A module from (N, 3, H, W) RGB in [0, 1] to the same; a fresh one returns its input itself.

    Raises:
        ModuleNotFoundError: the extra `benchmark` is not installed.
    """
    with extra("benchmark"):
        from spandrel.architectures import NAFNet as spandrel_nafnet
    net = spandrel_nafnet.NAFNet(**hyper_parameters)
    zeroed(net.ending)
    return net
