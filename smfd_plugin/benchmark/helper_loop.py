"""What today's face restoration filters do: facexlib's FaceRestoreHelper, frame by frame.

The network and the detector are ours, so that a comparison shows the rest.
"""

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import vapoursynth as vs
from facexlib.utils import face_restoration_helper
from facexlib.utils.face_restoration_helper import FaceRestoreHelper
from numpy.typing import NDArray
from torch import Tensor, nn

from smfd_plugin.benchmark.stages import Stopwatch
from smfd_plugin.data.tensors import from_tensor, to_tensor
from smfd_plugin.restore import Detector
from smfd_plugin.restore.network import run_network


class _Detection:
    """Our detector in the shape that the helper calls."""

    def __init__(self, detect: Detector) -> None:
        self._detect = detect

    def detect_faces(self, image: NDArray[np.uint8], threshold: float) -> NDArray[np.float32]:
        """(N, 15): box, score, landmarks."""
        found = [face for face in self._detect(to_tensor(image)[0]) if face.score >= threshold]
        rows = [[*face.box, face.score, *face.landmarks.flat] for face in found]
        return np.array(rows, np.float32).reshape(-1, 15)


def helper_loop(
    clip: vs.VideoNode, net: nn.Module, detect: Detector, watch: Stopwatch
) -> vs.VideoNode:
    """Deblurs a YUV clip in BT.709 as GFPGAN's and CodeFormer's filters do.

    Args:
        clip: YUV of any depth and subsampling.
        net: see `network.run_network`.
        detect: finds faces.
        watch: measures the stages.
    """
    with (
        patch.object(face_restoration_helper, "init_detection_model", lambda *_, **__: None),
        patch.object(face_restoration_helper, "init_parsing_model", lambda *_, **__: None),
    ):
        helper = FaceRestoreHelper(1, device=next(net.parameters()).device)
    helper.face_det = _Detection(watch.timed("detect", detect))
    network = watch.timed("network", run_network)

    def restore(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        image = np.stack([np.asarray(plane) for plane in f][::-1], -1)
        result = _restore(helper, image, lambda crop: network(net, crop).image, watch)
        frame = f.copy()
        for plane in range(3):
            np.copyto(np.asarray(frame[plane]), result[..., 2 - plane])
        return frame

    rgb = clip.resize.Bicubic(format=vs.RGB24)
    restored = rgb.std.ModifyFrame(rgb, restore)
    return restored.resize.Bicubic(format=clip.format.id, matrix=vs.MATRIX_BT709)


def _restore(
    helper: FaceRestoreHelper,
    image: NDArray[np.uint8],
    network: Callable[[Tensor], Tensor],
    watch: Stopwatch,
) -> NDArray[np.uint8]:
    """The sequence of calls in GFPGAN's GFPGANer.enhance."""
    helper.clean_all()
    helper.read_image(image)
    helper.get_face_landmarks_5(eye_dist_threshold=5)
    with watch.measure("align"):
        helper.align_warp_face()
    for crop in helper.cropped_faces:
        restored = network(to_tensor(crop).to(helper.device))
        helper.add_restored_face(from_tensor(restored))
    if not helper.cropped_faces:
        return image
    with watch.measure("blend"):
        helper.get_inverse_affine(None)
        return helper.paste_faces_to_input_image()
