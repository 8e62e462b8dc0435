"""The networks; importing this package registers them in BasicSR's ARCH_REGISTRY."""

from smfd_plugin.archs.smfd_unet_arch import SemanticMaskGenerator, SMFDUNet

__all__ = ["SMFDUNet", "SemanticMaskGenerator"]
