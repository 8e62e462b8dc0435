"""How far the estimated kernel of the blur is from the true one."""

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn
from torch.nn import functional as F


@LOSS_REGISTRY.register()
class KernelLoss(nn.Module):
    """Kullback-Leibler divergence of the true kernel from the estimate, both of sum 1.

    Without it a network may use its estimate for anything; but FaceDeblurrer and the filter go by
    how long the kernel is, see smfd_plugin.restore.sizes.

    Args:
        loss_weight: factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, log_kernel: Tensor, kernel: Tensor) -> Tensor:
        """Loss of a batch, a scalar.

        Args:
            log_kernel: (N, S, S) logarithms of the estimates.
            kernel: (N, S, S) true kernels.
        """
        return self.loss_weight * F.kl_div(log_kernel, kernel, reduction="batchmean")
