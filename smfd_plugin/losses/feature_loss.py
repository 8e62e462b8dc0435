"""Distance between the features of an image-classification network."""

from pathlib import Path

import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import vgg

from smfd_plugin.common.torch_files import read_features
from smfd_plugin.losses.shapes import check_same_shape

STAGE_ENDS = (4, 9, 16, 23)
"""Layers of VGG16 up to the last activation before each pooling: relu1_2, relu2_2, relu3_3 and
relu4_3."""


@LOSS_REGISTRY.register()
class FeatureLoss(nn.Module):
    """Perceptual loss: mean, over VGG16's stages, of the squared distance of unit-length feature
    vectors (arXiv 1801.03924, equation 1, with equal weights for all channels).

    BasicSR's own PerceptualLoss downloads its network and compares features of any length, so that
    bright, busy places count most. This one reads a file and belongs under `train.perceptual_opt`.

    Args:
        weights: file of torchvision's VGG16 convolutions (keys `features.N.weight` and `.bias`),
            the stages that are used or more.
        stages: how many of VGG16's stages to use, 1 to 4.
        crop_size: pixels; the loss looks at a random square of this size in each batch, which costs
            less; None: the whole picture.
        loss_weight: factor of the loss.

    Raises:
        FileNotFoundError: no file `weights`.
        ValueError: a file that is broken or lacks those weights, an unknown number of stages, or
            `crop_size` that is no whole number from 1.
    """

    def __init__(
        self,
        weights: str | Path,
        stages: int = 3,
        crop_size: int | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if stages not in range(1, len(STAGE_ENDS) + 1):
            raise ValueError(f"FeatureLoss: stages is {stages}; it can be 1 to {len(STAGE_ENDS)}")
        if not Path(weights).is_file():
            raise FileNotFoundError(
                f"FeatureLoss: no file {weights}; save "
                "torchvision.models.vgg16(weights='DEFAULT')'s state_dict() there, or leave "
                "train.perceptual_opt out"
            )
        if crop_size is not None and not (isinstance(crop_size, int) and crop_size > 0):
            raise ValueError(
                f"FeatureLoss: crop_size {crop_size!r} is no whole number of pixels from 1"
            )
        self.crop_size = crop_size
        self.loss_weight = loss_weight
        layers = vgg.make_layers(vgg.cfgs["D"])[: STAGE_ENDS[stages - 1]]
        wanted = {name: f"features.{name}" for name in layers.state_dict()}
        layers.load_state_dict(read_features(Path(weights), wanted))
        starts = (0, *STAGE_ENDS[: stages - 1])
        self.stages = nn.ModuleList(
            layers[start:end] for start, end in zip(starts, STAGE_ENDS, strict=False)
        )
        self.requires_grad_(False).to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))

    def forward(self, image: Tensor, gt: Tensor) -> tuple[Tensor, None]:
        """Loss of a batch, a scalar, and no style loss, as BasicSR's models expect it.

        Args:
            image: (N, 3, H, W) RGB in [0, 1].
            gt: the same shape.

        Raises:
            ValueError: pictures of two shapes.
        """
        check_same_shape(image, gt)
        x, y = self._crop(image, gt)
        x, y = (x - self.mean) / self.std, (y - self.mean) / self.std
        distance = x.new_zeros(())
        for stage in self.stages:
            x = stage(x)
            with torch.no_grad():
                y = stage(y)
            difference = F.normalize(x.float(), eps=1e-3) - F.normalize(y.float(), eps=1e-3)
            distance = distance + difference.square().sum(1).mean()
        return self.loss_weight * distance / len(self.stages), None

    def _crop(self, image: Tensor, gt: Tensor) -> tuple[Tensor, Tensor]:
        if self.crop_size is None:
            return image, gt
        top, left = (
            int(torch.randint(max(side - self.crop_size, 0) + 1, ())) for side in image.shape[-2:]
        )
        window = (..., slice(top, top + self.crop_size), slice(left, left + self.crop_size))
        return image[window], gt[window]
