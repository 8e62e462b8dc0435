"""Distance between spectra."""

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn

from smfd_plugin.losses.shapes import check_same_shape


@LOSS_REGISTRY.register()
class FrequencyLoss(nn.Module):
    """Mean absolute difference of the 2-D spectra (MIMO-UNet, arXiv 2108.05054, equation 8).

    Args:
        loss_weight: factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, image: Tensor, gt: Tensor) -> Tensor:
        """Loss of a batch, a scalar; image and gt (N, C, H, W). The transform is orthonormal, so
        the loss does not grow with the picture; half types are computed in float32. Raises
        ValueError for pictures of two shapes."""
        check_same_shape(image, gt)
        x, y = (each.to(torch.promote_types(each.dtype, torch.float32)) for each in (image, gt))
        difference = torch.fft.rfft2(x - y, norm="ortho")
        return self.loss_weight * torch.view_as_real(difference).abs().mean()
