"""Training logic; importing this package registers it with BasicSR."""

from smfd_plugin.models.difface_model import DifFaceModel
from smfd_plugin.models.restoration_model import RestorationModel, TrainingDivergedError
from smfd_plugin.models.smfd_model import SMFDModel

__all__ = ["DifFaceModel", "RestorationModel", "SMFDModel", "TrainingDivergedError"]
