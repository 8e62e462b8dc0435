"""Intersection over union of semantic masks."""

import torch
from torch import Tensor


def confusion_matrix(predicted: Tensor, truth: Tensor, num_classes: int) -> Tensor:
    """Counts pixels by (true class, predicted class).

    Args:
        predicted: int64 classes, any shape.
        truth: int64 classes, the same shape.
        num_classes: K.

    Returns:
        (K, K) int64; matrices of several faces may be added.
    """
    pairs = truth.flatten() * num_classes + predicted.flatten()
    return torch.bincount(pairs, minlength=num_classes**2).view(num_classes, num_classes)


def mean_iou(confusion: Tensor) -> float:
    """Mean over the classes that occur in truth or prediction, in [0, 1]; nan where none does."""
    overlap = confusion.diagonal()
    union = confusion.sum(0) + confusion.sum(1) - overlap
    occurs = union > 0
    return (overlap[occurs] / union[occurs]).mean().item()
