"""One frame: VapourSynth's planes to a tensor, faces restored, and back."""

import numpy as np
import torch
import vapoursynth as vs
from torch import Tensor, nn

from smfd_plugin.restore import Detector, FacePatch, blend_faces, restore_faces

WEIGHT_PROPERTY = "SMFDWeight"
"""Frame property that carries the blend weights as a frame of their own."""


class FaceRestorer:
    """Restores the faces of RGBS frames; the callable that std.ModifyFrame wants.

    Args:
        net: on the device that is to do the work.
        detect: finds faces in a tensor.
        half: compute in 16 bits where the device is faster so.
    """

    def __init__(self, net: nn.Module, detect: Detector, half: bool) -> None:
        self._net = net
        self._detect = detect
        self._half = half
        self._device = next(net.parameters()).device

    def __call__(self, n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        """Frame n with its faces restored at full strength and not yet blended, and with the
        weights (GRAYS, exactly 0 where nothing may change) as a frame property.

        Raises:
            vapoursynth.Error: what went wrong, with the frame's number.
        """
        try:
            image = to_tensor(f).to(self._device)
            patches = restore_faces(self._net, image, self._detect(image), half=self._half)
            restored, weight = unblended(image, patches)
        except Exception as error:
            raise vs.Error(f"smfd.Deblur: frame {n}: {error}") from error
        result = f.copy()
        write(result, restored)
        alpha = vs.core.create_video_frame(vs.GRAYS, f.width, f.height)
        write(alpha, weight)
        result.props[WEIGHT_PROPERTY] = alpha
        return result


def unblended(image: Tensor, patches: list[FacePatch]) -> tuple[Tensor, Tensor]:
    """Pixels p and weights w with image + w * (p - image) = blend_faces(image, patches).

    Args:
        image: (3, H, W) RGB.
        patches: restored faces, which may overlap.

    Returns:
        p (3, H, W), equal to the image where w is 0, and w (1, H, W) in [0, 1].
    """
    transparent = torch.ones_like(image[:1])
    for patch in patches:
        left, top, right, bottom = patch.box
        transparent[:, top:bottom, left:right] *= 1 - patch.weight
    weight = 1 - transparent
    change = blend_faces(image, patches) - image
    # Below a thousandth a weight is invisible, but dividing by it would magnify rounding errors.
    return image + change / weight.clamp(min=1e-3), weight


def to_tensor(frame: vs.VideoFrame) -> Tensor:
    """A float frame's planes as (C, H, W) float32, copied."""
    return torch.from_numpy(np.stack([np.asarray(plane) for plane in frame]))


def write(frame: vs.VideoFrame, image: Tensor) -> None:
    """Copies (C, H, W) into a float frame's planes."""
    for plane, values in enumerate(image.cpu().numpy()):
        np.copyto(np.asarray(frame[plane]), values)
