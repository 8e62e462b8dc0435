"""Degradations and faces; importing this package registers the data set with BasicSR."""

from smfd_plugin.data.blur_space import BlurSpace, Scenario
from smfd_plugin.data.face_blur_dataset import FaceBlurDataset

__all__ = ["BlurSpace", "FaceBlurDataset", "Scenario"]
