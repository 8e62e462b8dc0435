import numpy as np
import pytest

from smfd_plugin.metrics.images import prepare_pair


def test_border_and_order():
    image = np.arange(5 * 6 * 3).reshape(5, 6, 3)
    first, second = prepare_pair(image, image + 1, 1, "HWC")
    assert (first == image[1:4, 1:5]).all()
    assert (second == image[1:4, 1:5] + 1).all()
    turned = image.transpose(2, 0, 1)
    assert (prepare_pair(turned, turned, 0, "CHW")[0] == image).all()


def test_pictures_that_do_not_fit():
    with pytest.raises(ValueError, match="different shapes"):
        prepare_pair(np.zeros((4, 4, 3)), np.zeros((4, 5, 3)), 0, "HWC")
    with pytest.raises(ValueError, match="three channels"):
        prepare_pair(np.zeros((4, 4)), np.zeros((4, 4)), 0, "HWC")
