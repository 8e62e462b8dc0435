"""FaceDeblurrer: a whole picture in one call."""

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from smfd_plugin.archs.smfd_unet_arch import MIN_SIDE
from smfd_plugin.restore.align import check_max_crop
from smfd_plugin.restore.detect import DEFAULT_THRESHOLD, make_detector
from smfd_plugin.restore.faces import DEFAULT_MAX_CROP, FacePatch, blend_faces, restore_faces
from smfd_plugin.restore.looks import in_all_turns, in_two_sizes
from smfd_plugin.restore.method import MasksAlone, load_method
from smfd_plugin.restore.network import MAX_BATCH_PIXELS, memory_of, pick_device, to_device
from smfd_plugin.restore.sizes import TRAINED_SIDE, run_aligned


@dataclass(frozen=True)
class RestoredFace:
    """One face of a picture.

    Attributes:
        box: (4,) float32, left, top, right, bottom in pixels of the picture.
        landmarks: (5, 2) float32, eyes, nose tip and corners of the mouth in the picture.
        score: the detector's, in [0, 1].
        crop: (S, S, 3) BGR of the picture's type, the face aligned as in FFHQ.
        restored: the same, deblurred.
    """

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float
    crop: NDArray
    restored: NDArray


@dataclass(frozen=True)
class RestoreResult:
    """A restored picture.

    Attributes:
        image: like the input.
        faces: what was found, the surest first; empty if there is no face.
    """

    image: NDArray
    faces: list[RestoredFace]


class FaceDeblurrer:
    """Deblurs the faces in pictures, with masks and all on one device.

    Args:
        weights: path or name of weights; None: the shipped ones.
        device: `auto` (the GPU if there is one), `cpu`, `cuda` or `cuda:N`.
        half: compute in 16 bits where the device is faster so; results differ by about 1/255.
        detector: `auto`, `retinaface` or `tiny`, see `detect.make_detector`.
        method: `smfd` or `difface`, see `method.load_method`.
        detector_folder: where facexlib's detector weights lie; None: where facexlib keeps them.
        threshold: smallest score of a face, in (0, 1).
        max_crop: largest side of an aligned face in pixels, one of align.CROP_SIZES; larger faces
            are shrunk for the network.
        strength: how much of the restoration to blend in, in [0, 1].

    Attributes:
        net: the method's network, in eval mode.
        device: the torch.device it is on.

    Raises:
        ValueError: unknown device, detector or method, a value out of range, or weights that cannot
            be used (WeightsError).
        FileNotFoundError: detector weights that are asked for and not there.
        TypeError: `weights`, `threshold` or `strength` is of another type.
        MemoryError: the device has no room for the network.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str = "auto",
        half: bool = False,
        detector: str = "auto",
        *,
        method: str = "smfd",
        detector_folder: str | Path | None = None,
        threshold: float = DEFAULT_THRESHOLD,
        max_crop: int = DEFAULT_MAX_CROP,
        strength: float = 1.0,
    ) -> None:
        if not isinstance(weights, str | PathLike | None):
            raise TypeError(f"weights must be a path or a name, not {type(weights).__name__}")
        for name, value in (("threshold", threshold), ("strength", strength)):
            if not isinstance(value, Real):
                raise TypeError(f"{name} must be a number, not {type(value).__name__}")
        if not 0 <= strength <= 1:
            raise ValueError(f"strength is {strength}; it lies between 0 and 1")
        check_max_crop(max_crop)
        self.device = pick_device(device)
        self.net = to_device(load_method(method, weights), self.device)
        self.half = half
        self.max_crop = max_crop
        self.strength = float(strength)
        detect = make_detector(detector, self.device, threshold, detector_folder)
        self._detect = in_all_turns(in_two_sizes(detect))

    def restore(self, image: NDArray) -> RestoreResult:
        """Deblurs every face of a picture.

        Args:
            image: (H, W, 3) BGR, uint8 or uint16.

        Returns:
            The picture, same shape and type, and its faces. Pixels outside the faces are the
            input's.

        Raises:
            ValueError: another shape or type.
            MemoryError: a face does not fit into the device's memory.
        """
        _check(image, "image", "(H, W, 3)", (np.uint8, np.uint16))
        with memory_of(self.device):
            frame = _to_tensor(image[None, ..., ::-1], self.device)[0]
            patches = restore_faces(
                self.net, frame, self._detect(frame), half=self.half, max_crop=self.max_crop
            )
            blended = blend_faces(frame, patches, self.strength)
        result = image.copy()
        for patch in patches:
            left, top, right, bottom = patch.box
            changed = blended[None, :, top:bottom, left:right]
            result[top:bottom, left:right] = _to_array(changed, image.dtype)[0, ..., ::-1]
        return RestoreResult(result, [_describe(patch, image.dtype) for patch in patches])

    def deblur_aligned(self, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Deblurs faces that are already cut out and aligned as in FFHQ.

        Args:
            faces: (N, H, W, 3) uint8 RGB, H and W at least 32; the network sees each at the size
                that suits it, see `sizes`.

        Returns:
            The same shape.

        Raises:
            ValueError: another shape or type.
            MemoryError: a face does not fit into the device's memory.
        """
        images = (image for image, _ in self._run_aligned(self.net, faces))
        return np.concatenate([_to_array(image, np.uint8) for image in images])

    def parse_aligned(self, faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draws the semantic classes of aligned faces.

        Args:
            faces: as for `deblur_aligned`.

        Returns:
            (N, H, W) class of each pixel, see smfd_plugin.data.mask_classes.CLASSES.

        Raises:
            ValueError: another shape or type.
            MemoryError: a face does not fit into the device's memory.
        """
        batches = (logits for _, logits in self._run_aligned(MasksAlone(self.net), faces))
        return np.concatenate(
            [logits.argmax(1).to(torch.uint8).cpu().numpy() for logits in batches]
        )

    def _run_aligned(
        self, net: nn.Module, faces: NDArray[np.uint8]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """`run_aligned` on batches, since logits of many faces are large."""
        _check(faces, "faces", "(N, H, W, 3)", (np.uint8,))
        if min(faces.shape[1:3]) < MIN_SIDE:
            raise ValueError(f"faces have shape {faces.shape}; H and W must be at least {MIN_SIDE}")
        batch = max(1, MAX_BATCH_PIXELS // max(*faces.shape[1:3], TRAINED_SIDE) ** 2)
        for start in range(0, max(1, len(faces)), batch):  # of none, the outputs still have a shape
            with memory_of(self.device):
                part = _to_tensor(faces[start : start + batch], self.device)
                restored = run_aligned(net, part, self.half)
            yield restored


def _check(array: NDArray, name: str, shape: str, dtypes: tuple[type, ...]) -> None:
    if not isinstance(array, np.ndarray) or array.dtype not in dtypes:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        allowed = " or ".join(dtype.__name__ for dtype in dtypes)
        cause = "; did cv2.imread find the file?" if array is None else ""
        raise ValueError(f"{name} must be a numpy array of {allowed}, not {kind}{cause}")
    if array.ndim != len(shape.split(",")) or array.shape[-1] != 3 or 0 in array.shape[-3:]:
        raise ValueError(f"{name} must have shape {shape}, not {array.shape}")


def _to_tensor(images: NDArray, device: torch.device) -> Tensor:
    """(N, H, W, 3) integers to (N, 3, H, W) float32 in [0, 1]."""
    # A copy, since torch warns of what is read-only and refuses what is reversed, which numpy calls
    # contiguous if it is no item or one.
    tensor = torch.from_numpy(images.copy()).to(device)
    return tensor.permute(0, 3, 1, 2).float().contiguous() / np.iinfo(images.dtype).max


def _to_array(images: Tensor, dtype: np.dtype | type) -> NDArray:
    """The way back, rounded."""
    top = np.iinfo(dtype).max
    values = (images.clamp(0, 1) * top).round().permute(0, 2, 3, 1)
    return values.cpu().numpy().astype(dtype)


def _describe(patch: FacePatch, dtype: np.dtype) -> RestoredFace:
    pair = _to_array(torch.stack((patch.crop, patch.restored)), dtype)[..., ::-1]
    crop, restored = np.ascontiguousarray(pair)
    found = patch.detection
    return RestoredFace(found.box, found.landmarks, found.score, crop, restored)
