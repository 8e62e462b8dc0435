"""The UNet of a diffusion model, as of improved DDPM (arXiv 2102.09672), guided diffusion (arXiv
2105.05233) and DifFace (arXiv 2212.06512)."""

from collections.abc import Sequence

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from smfd_plugin.archs.blocks import zeroed
from smfd_plugin.archs.diffusion_blocks import (
    AttentionBlock,
    Downsample,
    ResBlock,
    Upsample,
    normalization,
    timestep_embedding,
)


class Stage(nn.Sequential):
    """Layers in a row; those that want the embedding of the timestep get it."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        for layer in self:
            x = layer(x, embedding) if isinstance(layer, ResBlock) else layer(x)
        return x


@ARCH_REGISTRY.register()
class DiffusionUNet(nn.Module):
    """Predicts the noise in a picture, and the variance of the next less noisy one.

    It loads DifFace's `iddpm_ffhq512_ema500000.pth`, whose hyper-parameters are the defaults, and
    other checkpoints of the family with the same parts: for RGB, and with plain convolutions where
    the size changes.

    Args:
        image_size: pixels of the pictures it is trained on.
        model_channels: the unit of width; 32 divides it.
        channel_mult: widths of the levels in that unit, each at half the size of the one before.
        num_res_blocks: residual blocks per level, the same for all or one number a level.
        attention_resolutions: pixels; levels where a picture of image_size has this size attend.
        num_head_channels: channels of an attention head.

    Raises:
        ValueError: hyper-parameters that do not fit each other.
    """

    def __init__(
        self,
        image_size: int = 512,
        model_channels: int = 32,
        channel_mult: Sequence[int] = (1, 2, 4, 8, 8, 16, 16),
        num_res_blocks: int | Sequence[int] = (1, 2, 2, 2, 2, 3, 4),
        attention_resolutions: Sequence[int] = (32, 16, 8),
        num_head_channels: int = 64,
    ) -> None:
        super().__init__()
        widths = [mult * model_channels for mult in channel_mult]
        sizes = [image_size // 2**level for level in range(len(widths))]
        if isinstance(num_res_blocks, int):
            num_res_blocks = [num_res_blocks] * len(widths)
        attends = [size in attention_resolutions for size in sizes]
        _check(model_channels, num_head_channels, widths, num_res_blocks, attends)
        self.image_size = image_size
        self.multiple = 2 ** (len(widths) - 1)
        self.model_channels = model_channels
        embedding = 4 * model_channels
        self.time_embed = nn.Sequential(
            nn.Linear(model_channels, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )

        def block(inputs: int, level: int) -> list[nn.Module]:
            layers: list[nn.Module] = [ResBlock(inputs, widths[level], embedding)]
            if attends[level]:
                layers.append(AttentionBlock(widths[level], num_head_channels))
            return layers

        channels = widths[0]
        self.input_blocks = nn.ModuleList([Stage(nn.Conv2d(3, channels, 3, padding=1))])
        skips = [channels]
        for level, width in enumerate(widths):
            for _ in range(num_res_blocks[level]):
                self.input_blocks.append(Stage(*block(channels, level)))
                channels = width
                skips.append(channels)
            if level < len(widths) - 1:
                self.input_blocks.append(Stage(Downsample(channels)))
                skips.append(channels)

        self.middle_block = Stage(
            ResBlock(channels, channels, embedding),
            AttentionBlock(channels, num_head_channels),
            ResBlock(channels, channels, embedding),
        )

        self.output_blocks = nn.ModuleList()
        for level in reversed(range(len(widths))):
            for index in range(num_res_blocks[level] + 1):
                layers = block(channels + skips.pop(), level)
                channels = widths[level]
                if level and index == num_res_blocks[level]:
                    layers.append(Upsample(channels))
                self.output_blocks.append(Stage(*layers))

        self.out = nn.Sequential(
            normalization(channels),
            nn.SiLU(),
            zeroed(nn.Conv2d(channels, 2 * 3, 3, padding=1)),
        )

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Noise and variance of x_t.

        Args:
            x: (N, 3, H, W) x_t, the picture's part in [-1, 1]; H and W multiples of
                `self.multiple`.
            timesteps: (N,) steps of the training, counted from 0.

        Returns:
            (N, 6, H, W) in x's type, computed in the weights': the noise in x_t, then v, which
            places the variance of x_{t-1} between its bounds, -1 and 1. A freshly constructed
            network returns zeros.

        Raises:
            ValueError: H or W that is no such multiple.
        """
        if any(side % self.multiple for side in x.shape[-2:]):
            raise ValueError(
                f"DiffusionUNet: {x.shape[-1]}x{x.shape[-2]} pixels; both must be multiples of "
                f"{self.multiple}"
            )
        dtype = self.out[-1].weight.dtype
        embedding = self.time_embed(timestep_embedding(timesteps, self.model_channels).to(dtype))
        h = x.to(dtype)
        skips = []
        for stage in self.input_blocks:
            h = stage(h, embedding)
            skips.append(h)
        h = self.middle_block(h, embedding)
        for stage in self.output_blocks:
            h = stage(torch.cat((h, skips.pop()), 1), embedding)
        return self.out(h).to(x.dtype)


def _check(
    model_channels: int,
    head_channels: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    attends: Sequence[bool],
) -> None:
    if model_channels % 32:
        raise ValueError(f"DiffusionUNet: model_channels is {model_channels}; 32 must divide it")
    if len(blocks) != len(widths):
        raise ValueError(
            f"DiffusionUNet: num_res_blocks has {len(blocks)} numbers and channel_mult "
            f"{len(widths)}; give as many"
        )
    attending = [width for width, attend in zip(widths, attends, strict=True) if attend]
    for width in [*attending, widths[-1]]:
        if width % head_channels:
            raise ValueError(
                f"DiffusionUNet: num_head_channels is {head_channels}; it must divide {width}, the "
                "width of a level that attends"
            )
