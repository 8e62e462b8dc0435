import cv2
import numpy as np
import pytest
import torch

from smfd_plugin.data.jpeg import compress


def as_tensor(bgr: np.ndarray) -> torch.Tensor:
    rgb = torch.from_numpy(bgr[..., ::-1].copy()).permute(2, 0, 1)
    return rgb.float().div(255)[None]


@pytest.mark.parametrize("quality", [40, 50, 60, 95])
def test_is_libjpegs_but_for_rounding(astronaut, quality):
    face = np.ascontiguousarray(astronaut[:160, 150:310])
    _, data = cv2.imencode(".jpg", face, (cv2.IMWRITE_JPEG_QUALITY, quality))
    expected = as_tensor(cv2.imdecode(data, cv2.IMREAD_COLOR))
    harm = (expected - as_tensor(face)).square().mean()
    found = compress(as_tensor(face), quality)
    assert (found - expected).abs().mean() < 1 / 255
    assert (found - expected).square().mean() < 0.2 * harm


def test_every_picture_of_a_batch_is_its_own_and_stays_in_range(astronaut):
    faces = torch.cat([as_tensor(astronaut[:48, left : left + 64]) for left in (150, 300)])
    both = compress(faces, 40)
    torch.testing.assert_close(both[1:], compress(faces[1:], 40))
    assert both.min() >= 0 and both.max() <= 1
    assert not both.requires_grad
