"""DifFace's diffused estimators (arXiv 2212.06512): networks that restore a face as well as a
pixel loss can teach them, SwinIR and a small SRCNN."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from basicsr.archs.swinir_arch import SwinIR
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from smfd_plugin.archs.blocks import pad_to_multiple

FACTOR = 8
"""SwinIREstimator works at 1/8 of the input's size."""


class _LinspaceOnCPU(TorchFunctionMode):
    """SwinIR reads numbers out of a linspace as it is built, which the meta device has none of."""

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        where = {"device": "cpu"} if func is torch.linspace else {}
        return func(*args, **where | (kwargs or {}))


@ARCH_REGISTRY.register()
class SwinIREstimator(SwinIR):
    """SwinIR (arXiv 2108.10257) behind a pixel-unshuffle, with three doublings at its end.

    BasicSR's SwinIR for real photographs, whose first convolution sees blocks of 8x8 pixels and
    whose output has the input's size. It loads DifFace's `swinir_restoration512_L1.pth`, whose
    hyper-parameters are the defaults.

    Args:
        img_size: tokens a side, 1/8 of the pixels of the faces it is trained on.
        embed_dim: channels of a token.
        depths: transformer layers per block.
        num_heads: attention heads per block.
        window_size: tokens; attention is within windows of this size.
        mlp_ratio: hidden width of a layer's MLP, in embed_dim.
    """

    def __init__(
        self,
        img_size: int = 64,
        embed_dim: int = 180,
        depths: Sequence[int] = (6,) * 8,
        num_heads: Sequence[int] = (6,) * 8,
        window_size: int = 8,
        mlp_ratio: float = 2,
    ) -> None:
        with _LinspaceOnCPU():
            super().__init__(
                img_size=img_size,
                embed_dim=embed_dim,
                depths=depths,
                num_heads=num_heads,
                window_size=window_size,
                mlp_ratio=mlp_ratio,
                upscale=4,  # the most that BasicSR offers; conv_up3 below makes it 8
                upsampler="nearest+conv",
            )
        self.multiple = FACTOR * window_size
        self.conv_first = nn.Sequential(
            nn.PixelUnshuffle(FACTOR), nn.Conv2d(3 * FACTOR**2, embed_dim, 3, padding=1)
        )
        width = self.conv_up2.out_channels
        self.conv_up3 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, lq: Tensor) -> Tensor:
        """Restores faces.

        Args:
            lq: (N, 3, H, W) RGB in [0, 1].

        Returns:
            (N, 3, H, W) RGB, not clamped.
        """
        height, width = lq.shape[-2:]
        mean = self.mean.to(lq)
        x = self.conv_first(pad_to_multiple(lq, self.multiple) - mean)
        x = self.conv_after_body(self.forward_features(x)) + x
        x = self.conv_before_upsample(x)
        for conv in (self.conv_up1, self.conv_up2, self.conv_up3):
            x = self.lrelu(conv(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        return (self.conv_last(self.lrelu(self.conv_hr(x))) + mean)[..., :height, :width]


@ARCH_REGISTRY.register()
class SRCNNEstimator(nn.Module):
    """A row of convolutions (SRCNN, arXiv 1501.00092, deeper) between a pixel-unshuffle and its
    inverse, and the input added.

    Args:
        width: channels of the convolutions.
        depth: number of the convolutions between the first and the last.
        factor: it works at 1/factor of the input's size.
    """

    def __init__(self, width: int = 64, depth: int = 7, factor: int = 4) -> None:
        super().__init__()
        self.factor = factor
        layers: list[nn.Module] = [nn.Conv2d(3 * factor**2, width, 5, padding=2)]
        for _ in range(depth):
            layers += [nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(width, width, 5, padding=2)]
        layers += [nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(width, 3 * factor**2, 5, padding=2)]
        self.layers = nn.Sequential(*layers)

    def forward(self, lq: Tensor) -> Tensor:
        """Restores faces.

        Args:
            lq: (N, 3, H, W) RGB in [0, 1].

        Returns:
            (N, 3, H, W) RGB, not clamped.
        """
        height, width = lq.shape[-2:]
        x = F.pixel_unshuffle(pad_to_multiple(lq, self.factor), self.factor)
        return lq + F.pixel_shuffle(self.layers(x), self.factor)[..., :height, :width]
