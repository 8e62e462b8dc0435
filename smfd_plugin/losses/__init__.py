"""Losses that BasicSR lacks; importing this package registers them."""

from smfd_plugin.losses.feature_loss import FeatureLoss
from smfd_plugin.losses.frequency_loss import FrequencyLoss
from smfd_plugin.losses.identity_loss import IdentityLoss
from smfd_plugin.losses.kernel_loss import KernelLoss
from smfd_plugin.losses.mask_loss import MaskLoss
from smfd_plugin.losses.ssim_loss import SSIMLoss

__all__ = [
    "FeatureLoss",
    "FrequencyLoss",
    "IdentityLoss",
    "KernelLoss",
    "MaskLoss",
    "SSIMLoss",
]
