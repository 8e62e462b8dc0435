"""From a picture to the same picture with sharp faces: detect, align, deblur, blend.

FaceDeblurrer does it for pictures in memory. Its pieces are functions on tensors of any device:
`make_detector` finds faces, and `in_two_sizes` large ones, too; `restore_faces` restores them,
`blend_faces` puts them back.
"""

from smfd_plugin.restore.deblurrer import FaceDeblurrer, RestoredFace, RestoreResult
from smfd_plugin.restore.detect import Detection, Detector, make_detector
from smfd_plugin.restore.faces import (
    AlignedFace,
    FacePatch,
    blend_faces,
    deblur_faces,
    faces_region,
    place_faces,
    restore_faces,
)
from smfd_plugin.restore.looks import in_two_sizes
from smfd_plugin.restore.network import pick_device
from smfd_plugin.restore.tracking import Sighting, SteadyFace, steady_faces

__all__ = [
    "AlignedFace",
    "Detection",
    "Detector",
    "FaceDeblurrer",
    "FacePatch",
    "RestoreResult",
    "RestoredFace",
    "Sighting",
    "SteadyFace",
    "blend_faces",
    "deblur_faces",
    "faces_region",
    "in_two_sizes",
    "make_detector",
    "pick_device",
    "place_faces",
    "restore_faces",
    "steady_faces",
]
