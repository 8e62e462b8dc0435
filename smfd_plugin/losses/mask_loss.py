"""How far the drawn masks are from the true ones."""

from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn
from torch.nn import functional as F


@LOSS_REGISTRY.register()
class MaskLoss(nn.Module):
    """Cross-entropy plus soft Dice (V-Net, arXiv 1606.04797, section 3), over faces with a mask.

    V-Net's denominator has squares of the probabilities, this one the probabilities themselves.

    Cross-entropy counts pixels; Dice counts classes alike, so that eyes weigh as much as skin.

    Args:
        loss_weight: factor of the whole loss.
        dice_weight: factor of Dice within it.
    """

    def __init__(self, loss_weight: float = 1.0, dice_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.dice_weight = dice_weight

    def forward(self, logits: Tensor, mask: Tensor, has_mask: Tensor) -> Tensor:
        """Loss of a batch, a scalar; zero, with a gradient of zero, where no face has a mask.

        Args:
            logits: (N, K, H, W).
            mask: (N, H, W) int64 classes.
            has_mask: (N,) bool.
        """
        if not has_mask.any():
            return logits[:0].float().sum()
        logits, mask = logits[has_mask].float(), mask[has_mask]
        truth = F.one_hot(mask, logits.shape[1]).movedim(-1, 1).float()
        axes = (0, 2, 3)
        probabilities = logits.softmax(1)
        overlap = 2 * (probabilities * truth).sum(axes) + 1
        dice = overlap / (probabilities.sum(axes) + truth.sum(axes) + 1)
        loss = F.cross_entropy(logits, mask) + self.dice_weight * (1 - dice).mean()
        return self.loss_weight * loss
