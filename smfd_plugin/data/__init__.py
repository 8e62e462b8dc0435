"""Degradations and faces; importing this package registers the data set with BasicSR."""

from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.face_blur_dataset import FaceBlurDataset
from smfd_plugin.data.scenario import Scenario

__all__ = ["BlurSpace", "FaceBlurDataset", "Scenario"]
