"""With an embedding network whose answer can be worked out by hand."""

import cv2
import numpy as np
import pytest
from basicsr.metrics import calculate_metric
from skimage.transform import SimilarityTransform

from smfd_plugin.data.template import ARCFACE_TEMPLATE, FFHQ_TEMPLATE
from smfd_plugin.metrics import calculate_identity
from smfd_plugin.metrics.identity import recognition_crop


def plain(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((64, 64, 3), (blue, green, red), np.uint8)


@pytest.mark.parametrize("width", [112, 96])
def test_cosine_of_rgb_in_minus_one_to_one(colour_embedder, width):
    path = colour_embedder(width=width)
    faces = plain(255, 0, 51), plain(204, 255, 51)
    first, second = np.array([1, -2]), np.array([0.6, 2])
    expected = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    measured = calculate_metric(
        {"img": faces[0], "img2": faces[1]},
        {"type": "calculate_identity", "model": str(path), "crop_border": 4, "better": "higher"},
    )
    assert measured == pytest.approx(expected, abs=1e-5)
    assert calculate_identity(faces[0], faces[0], path) == pytest.approx(1)
    turned = (face.transpose(2, 0, 1) for face in faces)
    assert calculate_identity(*turned, path, input_order="CHW") == pytest.approx(measured)


@pytest.mark.parametrize("width", [112, 96])
@pytest.mark.parametrize("side", [512, 256, 128])
def test_the_crop_is_arcfaces(side, width):
    where = (FFHQ_TEMPLATE + 0.5) * (side / 512) - 0.5
    expected = SimilarityTransform.from_estimate(where, ARCFACE_TEMPLATE - [(112 - width) / 2, 0])(
        where
    )
    for point, target in zip(where, expected, strict=True):
        y, x = np.mgrid[:side, :side]
        blob = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (side / 64) ** 2)
        crop = recognition_crop(cv2.merge([np.float32(blob)] * 3), width)
        assert crop.shape == (112, width, 3)
        rows, columns = np.mgrid[:112, :width]
        mass = crop[..., 0]
        found = [(mass * columns).sum() / mass.sum(), (mass * rows).sum() / mass.sum()]
        assert found == pytest.approx(target, abs=0.1)


@pytest.mark.parametrize("side", [512, 256])
def test_fine_patterns_are_smoothed_not_aliased(side):
    pattern = np.uint8(255 * (np.indices((side, side)).sum(0) % 2))
    crop = recognition_crop(cv2.merge([pattern] * 3)).astype(float)
    assert np.abs(crop - 127.5).max() < 20


def test_mistakes_are_named(colour_embedder, tmp_path):
    face = plain(1, 2, 3)
    with pytest.raises(FileNotFoundError, match=r"no embedding network .*nowhere"):
        calculate_identity(face, face, tmp_path / "nowhere.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ValueError, match="no ONNX file"):
        calculate_identity(face, face, tmp_path / "text.onnx")
    small = colour_embedder(64, 64)
    with pytest.raises(ValueError, match=r"takes .*64, 64.*, not"):
        calculate_identity(face, face, small)
    with pytest.raises(ValueError, match="square, not 64x32"):
        calculate_identity(face[:32], face[:32], colour_embedder())
