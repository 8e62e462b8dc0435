"""Metrics that BasicSR lacks; importing this package registers them."""

from smfd_plugin.metrics.identity import calculate_identity
from smfd_plugin.metrics.lpips_metric import calculate_lpips
from smfd_plugin.metrics.mask_iou import confusion_matrix, mean_iou

__all__ = ["calculate_identity", "calculate_lpips", "confusion_matrix", "mean_iou"]
