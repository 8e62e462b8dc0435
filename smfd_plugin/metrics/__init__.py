"""Metrics that BasicSR lacks; importing this package registers them."""

from smfd_plugin.metrics.identity import calculate_identity
from smfd_plugin.metrics.lpips_metric import calculate_lpips
from smfd_plugin.metrics.mask_iou import confusion_matrix, mean_iou

LOWER_IS_BETTER = ("calculate_niqe", "calculate_lpips")
"""Metrics of BasicSR's and ours whose lower score is the better one."""

__all__ = [
    "LOWER_IS_BETTER",
    "calculate_identity",
    "calculate_lpips",
    "confusion_matrix",
    "mean_iou",
]
