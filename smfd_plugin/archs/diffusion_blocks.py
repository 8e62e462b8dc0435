"""Building blocks of the diffusion UNet. All tensors are NCHW.

The names of the parameters are those of published checkpoints of the family (guided diffusion,
arXiv 2105.05233), as are the positions in each `nn.Sequential`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.archs.blocks import zeroed


def normalization(channels: int) -> nn.GroupNorm:
    """Group normalisation with 32 groups, which PyTorch computes in float32 for 16 bit types."""
    return nn.GroupNorm(32, channels)


def timestep_embedding(timesteps: Tensor, channels: int) -> Tensor:
    """Cosines and sines of frequencies from 1 down to nearly 1/10,000 (Transformer, arXiv
    1706.03762, section 3.5).

    Args:
        timesteps: (N,) any number.
        channels: C, even.

    Returns:
        (N, C) float32, the cosines first.
    """
    half = channels // 2
    exponents = torch.arange(half, dtype=torch.float32, device=timesteps.device) / half
    angles = timesteps[:, None].float() * torch.exp(-math.log(10_000) * exponents)
    return torch.cat((angles.cos(), angles.sin()), 1)


class Downsample(nn.Module):
    """(N, C, H, W) to (N, C, H/2, W/2), by a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x)


class Upsample(nn.Module):
    """(N, C, H, W) to (N, C, 2H, 2W): nearest neighbour, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class ResBlock(nn.Module):
    """Residual block whose second normalisation is scaled and shifted by the step of the diffusion
    (improved DDPM, arXiv 2102.09672, appendix A; guided diffusion, section 3.1).

    Args:
        in_channels: C of the (N, C, H, W) input.
        out_channels: C of the output.
        embedding_channels: E of the (N, E) embedding.
    """

    def __init__(self, in_channels: int, out_channels: int, embedding_channels: int) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            normalization(in_channels),
            nn.SiLU(),
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding_channels, 2 * out_channels))
        self.out_layers = nn.Sequential(
            normalization(out_channels),
            nn.SiLU(),
            nn.Identity(),  # dropout in other code of the family; it keeps the numbering
            zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1)),
        )
        self.skip_connection = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Conv2d(in_channels, out_channels, 1)
        )

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.in_layers(x)
        scale, shift = self.emb_layers(embedding)[..., None, None].chunk(2, 1)
        norm, *rest = self.out_layers
        h = norm(h) * (1 + scale) + shift
        for layer in rest:
            h = layer(h)
        return self.skip_connection(x) + h


class AttentionBlock(nn.Module):
    """Every pixel attends to every other; the input is added.

    Args:
        channels: C of the (N, C, H, W) input; the output has the same shape.
        head_channels: channels of one head, a divisor of C.
    """

    def __init__(self, channels: int, head_channels: int) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.norm = normalization(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        # The checkpoints keep a head's query, key and value side by side.
        qkv = self.qkv(self.norm(flat)).unflatten(1, (self.heads, -1)).transpose(2, 3)
        attended = F.scaled_dot_product_attention(*(part.contiguous() for part in qkv.chunk(3, 3)))
        attended = attended.transpose(2, 3).flatten(1, 2)
        return (flat + self.proj_out(attended)).view_as(x)
