"""Training logic; importing this package registers it with BasicSR."""

from smfd_plugin.models.smfd_model import SMFDModel, TrainingDivergedError

__all__ = ["SMFDModel", "TrainingDivergedError"]
