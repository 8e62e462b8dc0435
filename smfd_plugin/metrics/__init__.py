"""Metrics that BasicSR lacks."""

from smfd_plugin.metrics.mask_iou import confusion_matrix, mean_iou

__all__ = ["confusion_matrix", "mean_iou"]
