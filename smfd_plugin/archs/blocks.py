"""Building blocks shared by the networks. All tensors are NCHW."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def activation() -> nn.Module:
    """The one non-linearity of all networks here; in place, so that training needs less memory."""
    return nn.LeakyReLU(0.1, inplace=True)


def zeroed[Module: nn.Module](module: Module) -> Module:
    """The module with all its parameters zero, so that it adds nothing to a sum at first."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class CBAM(nn.Module):
    """Convolutional block attention module (arXiv 1807.06521, section 3): channel, then spatial.

    Args:
        channels: C of the (N, C, H, W) input; the output has the same shape. The channel MLP has
            max(C // 8, 4) hidden units.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // 8, 4)
        self.mlp = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, channels, 1)
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        average = x.mean((2, 3), keepdim=True)
        maximum = F.adaptive_max_pool2d(x, 1)
        x = x * torch.sigmoid(self.mlp(average) + self.mlp(maximum))
        summary = torch.cat((x.mean(1, keepdim=True), x.max(1, keepdim=True).values), 1)
        return x * torch.sigmoid(self.spatial(summary))


class ResidualDenseConv(nn.Module):
    """Residual dense convolution block (RDC).

    Each 3x3 convolution sees the input and all earlier outputs; a 1x1 convolution fuses them, CBAM
    weighs the result, and the input is added (as in RDN, arXiv 1802.08797, section 3.2; the
    attention inside the block is SMFD-UNet's).

    Args:
        channels: C of the (N, C, H, W) input; the output has the same shape.
        growth: channels that each dense convolution adds.
        depth: number of dense convolutions.
        attention: False leaves CBAM out (for ablations).
    """

    def __init__(self, channels: int, growth: int, depth: int = 3, attention: bool = True) -> None:
        super().__init__()
        self.dense = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels + i * growth, growth, 3, padding=1), activation())
            for i in range(depth)
        )
        self.fuse = nn.Conv2d(channels + depth * growth, channels, 1)
        self.attention = CBAM(channels) if attention else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.dense:
            features.append(layer(torch.cat(features, 1)))
        return x + self.attention(self.fuse(torch.cat(features, 1)))


class ResidualConv(nn.Module):
    """Plain residual block, what RDC is compared with: two 3x3 convolutions in place of the dense
    ones, with as many hidden channels as make it cost what a ResidualDenseConv costs.

    Args:
        channels: C of the (N, C, H, W) input; the output has the same shape.
        growth: of the ResidualDenseConv with three dense convolutions that it replaces.
        attention: False leaves CBAM out.
    """

    def __init__(self, channels: int, growth: int, attention: bool = True) -> None:
        super().__init__()
        dense = channels * channels + 30 * channels * growth + 27 * growth * growth
        hidden = round(dense / (18 * channels))
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, hidden, 3, padding=1),
            activation(),
            nn.Conv2d(hidden, channels, 3, padding=1),
        )
        self.attention = CBAM(channels) if attention else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attention(self.convolutions(x))


class PixelShuffleUpsample(nn.Module):
    """(N, in_channels, H, W) to (N, out_channels, 2H, 2W): 1x1 convolution, then pixel shuffle
    (arXiv 1609.05158)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(in_channels, 4 * out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.expand(x), 2)


class MaskFusion(nn.Module):
    """Lets semantic masks steer features: x * (1 + scale(masks)) + shift(masks), per pixel.

    The masks are class probabilities, so the steering fades where the generator is unsure. The form
    is that of spatially-adaptive modulation (SPADE, arXiv 1903.07291, equation 1) without its
    normalisation, which would lose the contrast that a restoration network must keep. Both maps
    start at zero, so that masks do not disturb the features before they are of use.

    Args:
        channels: C of the features (N, C, H, W).
        num_classes: K of the masks (N, K, H, W), class probabilities.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        hidden = 16  # channels of the layer that both maps share
        self.shared = nn.Sequential(nn.Conv2d(num_classes, hidden, 3, padding=1), activation())
        self.scale_shift = zeroed(nn.Conv2d(hidden, 2 * channels, 1))

    def forward(self, x: Tensor, masks: Tensor) -> Tensor:
        scale, shift = self.scale_shift(self.shared(masks)).chunk(2, 1)
        return x * (1 + scale) + shift


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeats the right and bottom edge of (N, C, H, W) until both sizes are multiples."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
