"""Whether two faces are the same person: similarity of face-recognition embeddings."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from basicsr.utils.registry import METRIC_REGISTRY
from numpy.typing import NDArray

from smfd_plugin.data.template import (
    FFHQ_SIZE,
    FFHQ_TEMPLATE,
    arcface_landmarks,
    ffhq_landmarks,
    similarity,
)
from smfd_plugin.metrics.images import prepare_pair


@METRIC_REGISTRY.register()
def calculate_identity(
    img: NDArray,
    img2: NDArray,
    model: str | Path,
    input_order: str = "HWC",
    **_: Any,
) -> float:
    """Cosine of the angle between two faces' embeddings, in [-1, 1]; higher is better.

    Args:
        img: a face aligned as in FFHQ, BGR in [0, 255], (S, S, 3) or, by `input_order`, (3, S, S).
        img2: the same shape.
        model: ONNX file of a network in ArcFace's manner: (N, 3, 112, 112) or (N, 3, 112, 96) RGB
            in [-1, 1] to (N, D).
        input_order: `HWC` or `CHW`.
        **_: other options of BasicSR's, such as `better`; a face is measured whole, without regard
            to `crop_border`.

    Raises:
        ValueError: pictures that are no aligned faces, or a file that is no such network.
        FileNotFoundError: no file `model`.
    """
    pair = prepare_pair(img, img2, 0, input_order)
    embedder = load_embedder(str(model))
    first, second = (embedder.embed(each) for each in pair)
    return float(first @ second)


class Embedder:
    """A face-recognition network from an ONNX file; arguments and errors as calculate_identity."""

    def __init__(self, model: str) -> None:
        import onnxruntime

        if not Path(model).is_file():
            raise FileNotFoundError(
                f"identity: no embedding network {model}; name an ONNX file in ArcFace's manner as "
                "the metric's `model`, or leave the metric out"
            )
        try:
            self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises kinds of its own
            raise ValueError(f"identity: {model} is no ONNX file that can be run") from error
        inputs = self._session.get_inputs()
        shape = inputs[0].shape
        if len(inputs) != 1 or shape[1:] not in ([3, 112, 112], [3, 112, 96]):
            raise ValueError(
                f"identity: {model} takes {shape}, not (N, 3, 112, 112) or (N, 3, 112, 96)"
            )
        self._name = inputs[0].name
        self._width: int = shape[3]

    def embed(self, face: NDArray) -> NDArray[np.float32]:
        """The unit vector (D,) of a face, (S, S, 3) BGR in [0, 255], aligned as in FFHQ."""
        crop = recognition_crop(face, self._width)[..., ::-1].astype(np.float32) / 127.5 - 1
        vector = self._session.run(None, {self._name: crop.transpose(2, 0, 1)[None]})[0][0]
        return vector / np.linalg.norm(vector)


load_embedder = lru_cache(Embedder)
"""The Embedder of a file, kept for the next call."""


def recognition_crop(face: NDArray, width: int = 112) -> NDArray:
    """Cuts what a recognition network looks at out of an aligned face.

    Args:
        face: (S, S, 3), aligned as in FFHQ.
        width: 112 or 96.

    Returns:
        (112, width, 3) of the same type.

    Raises:
        ValueError: a face that is not square.
    """
    side = face.shape[0]
    if face.shape[1] != side:
        raise ValueError(f"identity: an aligned face is square, not {face.shape[1]}x{side}")
    target = arcface_landmarks(112, width)
    shrunk = round(FFHQ_SIZE * np.hypot(*similarity(FFHQ_TEMPLATE, target)[:, 0]))
    if side > shrunk:  # warpAffine alone would alias
        face = cv2.resize(face, (shrunk, shrunk), interpolation=cv2.INTER_AREA)
        side = shrunk
    matrix = similarity(ffhq_landmarks(side), target)
    return cv2.warpAffine(face, matrix, (width, 112), flags=cv2.INTER_LINEAR)
