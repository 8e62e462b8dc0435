import math

import pytest
import torch

from smfd_plugin.metrics import confusion_matrix, mean_iou


def test_confusion_matrix_counts_pixels():
    truth = torch.tensor([[0, 0], [1, 2]])
    predicted = torch.tensor([[0, 1], [1, 1]])
    assert confusion_matrix(predicted, truth, 3).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


def test_mean_iou_by_hand():
    confusion = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 1, 0]])
    assert mean_iou(confusion) == pytest.approx((1 / 2 + 1 / 3 + 0) / 3)


def test_classes_that_never_occur_do_not_count():
    assert mean_iou(torch.diag(torch.tensor([5, 7, 0]))) == 1


def test_no_pixel_at_all_is_no_score():
    assert math.isnan(mean_iou(torch.zeros(3, 3, dtype=torch.int64)))
