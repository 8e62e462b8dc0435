"""How large a network is, and how many operations it needs."""

from collections.abc import Callable

import torch
from torch import nn
from torch.backends import mha
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(net: nn.Module) -> int:
    """Numbers that a network learns."""
    return sum(value.numel() for value in net.parameters())


@torch.no_grad()
def count_operations[**P](run: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> int:
    """Additions and multiplications, counted separately, in convolutions, matrix products and
    attention, by torch.utils.flop_counter.

    The counter does not know attention that is fused for the CPU, nor nn.MultiheadAttention and
    nn.TransformerEncoderLayer fused as a whole; so nothing is fused meanwhile.

    Args:
        run: called with the other arguments.
    """
    fused = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            run(*args, **kwargs)
    finally:
        mha.set_fastpath_enabled(fused)
    return counter.get_total_flops()
