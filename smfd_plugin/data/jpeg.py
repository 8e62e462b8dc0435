"""What JPEG does to pictures, computed on their device: BasicSR's DiffJPEG, made to be libjpeg."""

from functools import cache

import torch
from basicsr.utils import diffjpeg
from torch import Tensor, nn
from torch.nn import functional as F


@torch.no_grad()
def compress(images: Tensor, quality: int) -> Tensor:
    """Compresses pictures and reads them again, as libjpeg does but for rounding.

    Args:
        images: (N, 3, H, W) float32 RGB in [0, 1], H and W multiples of 16.
        quality: of the compression, 1 to 100.

    Returns:
        (N, 3, H, W) float32 RGB in [0, 1], not rounded.
    """
    return _layer(quality, images.device)(images, quality=50)


@cache
def _layer(quality: int, device: torch.device) -> diffjpeg.DiffJPEG:
    """DiffJPEG made to give what libjpeg gives. By itself it transposes the quantisation tables,
    rounds neither them nor the YCbCr values, and repeats chroma samples where libjpeg interpolates.

    The tables are those of `quality` already, so it is to be called with quality 50, which leaves
    them as they are.
    """
    jpeg = diffjpeg.DiffJPEG(differentiable=False)
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    for name, standard in (("y_table", diffjpeg.y_table), ("c_table", diffjpeg.c_table)):
        table = ((standard.T * scale + 50) / 100).floor().clamp(1, 255)
        for module in jpeg.modules():
            if hasattr(module, name):
                setattr(module, name, nn.Parameter(table))
    jpeg.compress.l1.insert(1, _Rounded())
    jpeg.decompress.chroma = _SmoothChroma()
    return jpeg.to(device)


class _Rounded(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.round()


class _SmoothChroma(nn.Module):
    """(N, H, W) light and (N, H/2, W/2) colours to (N, H, W, 3), by libjpeg's triangle filter."""

    def forward(self, y: Tensor, cb: Tensor, cr: Tensor) -> Tensor:
        chroma = torch.stack((cb, cr), 1)
        chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
        return torch.cat((y[..., None], chroma.movedim(1, -1)), -1)
