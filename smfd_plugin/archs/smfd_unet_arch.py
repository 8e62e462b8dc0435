"""SMFD-UNet (arXiv 2604.07477): semantic masks from the blurry face, fused into a light UNet.

The order of the two steps, the mask fusion at several stages and the parts (residual dense
convolutions, CBAM, pixel shuffle) are the paper's. Widths, depths, the half-resolution stem and the
form of the fusion are ours.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.archs.blocks import (
    MaskFusion,
    PixelShuffleUpsample,
    ResidualConv,
    ResidualDenseConv,
    pad_to_multiple,
    zeroed,
)
from smfd_plugin.archs.deconvolution import Deconvolution

MIN_SIDE = 32
"""Smallest height and width of a face, in pixels."""


def downsample(in_channels: int, out_channels: int) -> nn.Module:
    """(N, in, H, W) to (N, out, H/2, W/2)."""
    return nn.Conv2d(in_channels, out_channels, 2, stride=2)


@ARCH_REGISTRY.register()
class SemanticMaskGenerator(nn.Module):
    """Step 1: a UNet that draws the parts of a face from its blurry picture.

    It works at a quarter of the input's size, since a mask has no fine texture.

    Args:
        num_classes: K, the number of semantic classes.
        widths: channels of the stages, the first at 1/4 of the input's size, each next at half.

    Raises:
        ValueError: `widths` that are no list of whole numbers from 1.
    """

    def __init__(self, num_classes: int = 7, widths: Sequence[int] = (32, 64, 96, 128)) -> None:
        super().__init__()
        _check_list("widths", widths)
        _check_widths("widths", widths)
        self.multiple = 4 * 2 ** (len(widths) - 1)
        self.stem = nn.Conv2d(3 * 16, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(
            ResidualDenseConv(width, width // 2, depth=2) for width in widths
        )
        self.down = nn.ModuleList(downsample(fine, coarse) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(
            PixelShuffleUpsample(coarse, fine) for fine, coarse in pairwise(widths)
        )
        self.decoder = nn.ModuleList(
            ResidualDenseConv(width, width // 2, depth=2) for width in widths[:-1]
        )
        self.head = PixelShuffleUpsample(widths[0], num_classes)

    def forward(self, lq: Tensor) -> Tensor:
        """Mask logits at half size.

        Args:
            lq: (N, 3, H, W) RGB in [0, 1], H and W multiples of `self.multiple`.

        Returns:
            (N, K, H/2, W/2) logits; softmax over K gives class probabilities.
        """
        x = self.stem(F.pixel_unshuffle(lq, 4))
        skips = []
        for block, down in zip(self.encoder, self.down, strict=False):
            x = block(x)
            skips.append(x)
            x = down(x)
        x = self.encoder[-1](x)
        for block, up, skip in zip(
            reversed(self.decoder), reversed(self.up), reversed(skips), strict=True
        ):
            x = block(up(x) + skip)
        return self.head(x)


@ARCH_REGISTRY.register()
class SMFDUNet(nn.Module):
    """Both steps: masks from the blurry face, then the sharp face under their guidance.

    Args:
        num_classes: K, the number of semantic classes.
        widths: channels of the deblurring UNet's stages, the first at 1/2 of the input's size, each
            next at half.
        growths: channels that each dense convolution of a stage adds.
        encoder_blocks: residual dense blocks per encoder stage, the last being the bottleneck.
        decoder_blocks: residual dense blocks per decoder stage, one fewer than the stages.
        mask_widths: channels of the mask generator's stages, see SemanticMaskGenerator.
        guided_stages: stages where the masks steer the features, 0 the finest; the others get zero
            masks. None: all; this and the following are for ablations.
        attention: CBAM in the blocks of step 2.
        dense: residual dense blocks in step 2; False: plain residual blocks of the same cost.
        kernel_widths: channels of the stages of the network that estimates the blur's kernel, see
            KernelEstimator; the last stage then also sees the face deconvolved with the kernel.
            None of them: no deconvolution.

    Raises:
        ValueError: no list of whole numbers where one belongs, widths or growths below 1, not as
            many values as stages, too few or too many stages for the deconvolution, or a stage to
            guide that there is not.
    """

    def __init__(
        self,
        num_classes: int = 7,
        widths: Sequence[int] = (32, 64, 128, 192),
        growths: Sequence[int] = (16, 24, 48, 64),
        encoder_blocks: Sequence[int] = (1, 1, 2, 4),
        decoder_blocks: Sequence[int] = (1, 1, 2),
        mask_widths: Sequence[int] = (32, 64, 96, 128),
        guided_stages: Sequence[int] | None = None,
        attention: bool = True,
        dense: bool = True,
        kernel_widths: Sequence[int] = (),
    ) -> None:
        super().__init__()
        _check(
            {
                "widths": widths,
                "growths": growths,
                "encoder_blocks": encoder_blocks,
                "decoder_blocks": decoder_blocks,
                "mask_widths": mask_widths,
                "guided_stages": () if guided_stages is None else guided_stages,
                "kernel_widths": () if kernel_widths is None else kernel_widths,
            }
        )
        stages = range(len(widths))
        self.num_classes = num_classes
        self.guided_stages = frozenset(stages if guided_stages is None else guided_stages)
        block = partial(ResidualDenseConv if dense else ResidualConv, attention=attention)
        self.mask_generator = SemanticMaskGenerator(num_classes, mask_widths)
        self.multiple = max(2 * 2 ** (len(widths) - 1), self.mask_generator.multiple)
        self.stem = nn.Conv2d(3 * 4, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(
            nn.Sequential(*(block(width, growth) for _ in range(blocks)))
            for width, growth, blocks in zip(widths, growths, encoder_blocks, strict=True)
        )
        self.encoder_fusion = nn.ModuleList(MaskFusion(width, num_classes) for width in widths)
        self.down = nn.ModuleList(downsample(fine, coarse) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(
            PixelShuffleUpsample(coarse, fine) for fine, coarse in pairwise(widths)
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(*(block(width, growth) for _ in range(blocks)))
            for width, growth, blocks in zip(widths[:-1], growths[:-1], decoder_blocks, strict=True)
        )
        self.decoder_fusion = nn.ModuleList(MaskFusion(width, num_classes) for width in widths[:-1])
        self.deconvolution = (
            Deconvolution(widths[1], widths[0], kernel_widths) if kernel_widths else None
        )
        self.tail = zeroed(nn.Conv2d(widths[0], 3 * 4, 3, padding=1))

    def forward(
        self,
        lq: Tensor,
        return_masks: bool = False,
        masks_only: bool = False,
        masks: Tensor | None = None,
        return_kernel: bool = False,
    ) -> Tensor | tuple[Tensor, ...]:
        """Deblurs faces.

        Args:
            lq: (N, 3, H, W) RGB in [0, 1], any H and W of at least 32. The features are computed
                from values clamped to [0, 1], so that no input makes them overflow.
            return_masks: also return the mask logits.
            masks_only: leave step 2 out, and return the mask logits in place of the image (for the
                mask warm-up; in `forward` because a data-parallel wrapper sees nothing else).
            masks: (N, K, H, W) class probabilities that steer in place of the predicted ones.
            return_kernel: also return the logarithm of the blur's kernel (None without
                `kernel_widths`, or with `masks_only`).

        Returns:
            (N, 3, H, W) sharp RGB, not clamped; with `return_masks` a pair of it and the
            (N, K, H, W) mask logits; with `return_kernel` the (N, S, S) logarithm as the last. A
            freshly constructed network returns `lq` itself.
        """
        height, width = lq.shape[-2:]
        padded = pad_to_multiple(lq.clamp(0, 1), self.multiple)
        logits = self.mask_generator(padded)
        outputs, kernel = [], None
        if not masks_only:
            if masks is None:
                guidance = logits.softmax(1)
            else:
                guidance = F.avg_pool2d(pad_to_multiple(masks, self.multiple), 2)
            residual, kernel = self.deblur(padded, guidance)
            outputs.append(lq + residual[..., :height, :width])
        if return_masks or masks_only:
            logits = F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)
            outputs.append(logits[..., :height, :width])
        if return_kernel:
            outputs.append(kernel)
        return tuple(outputs) if len(outputs) > 1 else outputs[0]

    def deblur(self, lq: Tensor, masks: Tensor) -> tuple[Tensor, Tensor | None]:
        """Step 2 alone: the residual that makes the face sharp.

        Args:
            lq: (N, 3, H, W) RGB in [0, 1], H and W multiples of `self.multiple`.
            masks: (N, K, H/2, W/2) class probabilities.

        Returns:
            (N, 3, H, W) residual, to be added to `lq`, and the logarithm of the blur's kernel, see
            Deconvolution (None without `kernel_widths`).
        """
        pyramid = [masks]
        for _ in self.down:
            pyramid.append(F.avg_pool2d(pyramid[-1], 2))
        for stage, level in enumerate(pyramid):
            if stage not in self.guided_stages:
                pyramid[stage] = torch.zeros_like(level)

        x = self.stem(F.pixel_unshuffle(lq, 2))
        skips = []
        for stage, down in enumerate(self.down):
            x = self.encoder[stage](self.encoder_fusion[stage](x, pyramid[stage]))
            skips.append(x)
            x = down(x)
        x = self.encoder[-1](self.encoder_fusion[-1](x, pyramid[-1]))
        kernel = None
        for stage in reversed(range(len(self.up))):
            skip = skips[stage]
            if stage == 0 and self.deconvolution:
                kernel = self.deconvolution.estimate(lq, x)
                skip = skip + self.deconvolution(lq, kernel.exp())
            x = self.up[stage](x) + skip
            x = self.decoder[stage](self.decoder_fusion[stage](x, pyramid[stage]))
        return F.pixel_shuffle(self.tail(x), 2), kernel


def _check(lists: Mapping[str, Sequence[int]]) -> None:
    """Checks the hyper-parameters of SMFDUNet that are lists, by name."""
    for name, values in lists.items():
        _check_list(name, values)
    for name in ("widths", "growths", "mask_widths"):
        _check_widths(name, lists[name])
    stages = len(lists["widths"])
    counts = {"growths": stages, "encoder_blocks": stages, "decoder_blocks": stages - 1}
    for name, count in counts.items():
        if len(lists[name]) != count:
            raise ValueError(
                f"{name} needs {count} values for {stages} widths, not {len(lists[name])}"
            )
    if lists["kernel_widths"]:
        _check_widths("kernel_widths", lists["kernel_widths"])
        if stages < 2:
            raise ValueError("kernel_widths need 2 widths or more; for one leave them out")
    guided = lists["guided_stages"]
    if not set(guided) <= set(range(stages)):
        raise ValueError(f"guided_stages {sorted(set(guided))} must lie in 0 to {stages - 1}")


def _check_list(name: str, values: object) -> None:
    if not (isinstance(values, Sequence) and all(isinstance(value, int) for value in values)):
        raise ValueError(
            f"{name} needs a list of whole numbers, [32, 64] for instance, not {values!r}"
        )


def _check_widths(name: str, values: Sequence[int]) -> None:
    if not values or min(values) < 1:
        raise ValueError(f"{name} needs one or more numbers from 1, not {list(values)}")
