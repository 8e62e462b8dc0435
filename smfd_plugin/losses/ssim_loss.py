"""How unlike two pictures' structure is."""

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.losses.shapes import check_same_shape

WINDOW, SIGMA = 11, 1.5
"""Pixels: side and standard deviation of the Gaussian window."""

STABILISERS = (0.01**2, 0.03**2)
"""The constants C1 and C2 for values in [0, 1]."""


@LOSS_REGISTRY.register()
class SSIMLoss(nn.Module):
    """One minus the structural similarity (Wang et al., IEEE TIP 2004, equation 13), channel by
    channel, where the window lies wholly inside the picture: what `calculate_ssim` measures.

    Args:
        loss_weight: factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        offsets = torch.arange(WINDOW) - WINDOW // 2
        window = torch.exp(-offsets.square() / (2 * SIGMA**2))
        self.register_buffer("window", window / window.sum(), persistent=False)

    def forward(self, image: Tensor, gt: Tensor) -> Tensor:
        """Loss of a batch, a scalar; image and gt (N, C, H, W) in [0, 1], H and W of at least
        WINDOW. Half types are computed in float32. Raises ValueError for pictures of two shapes or
        smaller ones."""
        check_same_shape(image, gt)
        if min(image.shape[-2:]) < WINDOW:
            raise ValueError(f"SSIMLoss needs {WINDOW} pixels a side, not {tuple(image.shape)}")
        x, y = (each.to(torch.promote_types(each.dtype, torch.float32)) for each in (image, gt))
        maps = self._blurred(torch.cat((x, y, x * x, y * y, x * y), 1))
        mean_x, mean_y, square_x, square_y, product = maps.chunk(5, 1)
        variances = square_x - mean_x**2 + square_y - mean_y**2
        covariance = product - mean_x * mean_y
        c1, c2 = STABILISERS
        luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        similarity = luminance * (2 * covariance + c2) / (variances + c2)
        return self.loss_weight * (1 - similarity.mean())

    def _blurred(self, maps: Tensor) -> Tensor:
        # Each channel is a group: GPUs round the products of other convolutions to 10 bits, more
        # than the variances stand.
        channels = maps.shape[1]
        kernel = self.window.to(maps.dtype).expand(channels, 1, 1, WINDOW)
        rows = F.conv2d(maps, kernel, groups=channels)
        return F.conv2d(rows, kernel.transpose(2, 3), groups=channels)
