"""The networks; importing this package registers them in BasicSR's ARCH_REGISTRY."""

from smfd_plugin.archs.diffusion_unet_arch import DiffusionUNet
from smfd_plugin.archs.estimator_arch import SRCNNEstimator, SwinIREstimator
from smfd_plugin.archs.nafnet_arch import NAFNet
from smfd_plugin.archs.smfd_unet_arch import SemanticMaskGenerator, SMFDUNet

__all__ = [
    "DiffusionUNet",
    "NAFNet",
    "SMFDUNet",
    "SRCNNEstimator",
    "SemanticMaskGenerator",
    "SwinIREstimator",
]
