"""Diffusion models and DifFace; knows networks only as functions."""

from smfd_plugin.diffusion.difface import DifFace, restore
from smfd_plugin.diffusion.hybrid_loss import variational_bound
from smfd_plugin.diffusion.sampling import predict, reverse, seeded_noise
from smfd_plugin.diffusion.schedule import Schedule, linear_schedule

__all__ = [
    "DifFace",
    "Schedule",
    "linear_schedule",
    "predict",
    "restore",
    "reverse",
    "seeded_noise",
    "variational_bound",
]
