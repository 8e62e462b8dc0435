"""The command `smfd export`: the network as a file for other runtimes, or to give away."""

import argparse
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from smfd_plugin.archs.smfd_unet_arch import MIN_SIDE
from smfd_plugin.common.extras import extra
from smfd_plugin.common.path_arguments import path_argument
from smfd_plugin.common.whole_files import whole_file
from smfd_plugin.data.mask_classes import CLASSES
from smfd_plugin.weights import load_network, read_checkpoint, save_weights
from smfd_plugin.weights.files import DEFAULT, SHIPPED, find

FORMATS = ("onnx", "pth")
MAX_SIDE = 4096
OPSET = 18
TOLERANCE = 1e-3
LICENCE = "for non-commercial research, as are the portraits that the weights were trained on"
"""Of the shipped weights."""


class _WithMasks(nn.Module):
    """The network with both outputs, as an exporter needs it: no options in the call. The image is
    clamped to [0, 1], since who makes bytes of it expects no other values."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, lq: Tensor) -> tuple[Tensor, Tensor]:
        image, masks = self.net(lq, return_masks=True)
        return image.clamp(0, 1), masks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `smfd export`."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="onnx",
        help="onnx: for other runtimes; pth: the averaged weights of a training checkpoint in "
        "float16, as they are shipped (default: %(default)s)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=path_argument,
        help="the file to write (default: the name of the shipped weights, or smfd-unet, and the "
        "format's suffix)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    parser.add_argument("--weights", metavar="FILE", help="default: the shipped ones")


def run(args: argparse.Namespace) -> int:
    """Exports and says what the file expects.

    Raises:
        FileExistsError: the output is there and --overwrite is not given.
        IsADirectoryError: the output is a folder.
        ValueError: the output's suffix is that of another format; or see `find` and `export_onnx`.
    """
    weights = find(args.weights)
    shipped = weights.parent == SHIPPED
    output = args.output or Path(f"{weights.stem if shipped else DEFAULT}.{args.format}")
    suffix = output.suffix.removeprefix(".")
    if suffix in FORMATS and suffix != args.format:
        raise ValueError(f"{output} would hold {args.format}: add --format {suffix} or rename it")
    if output.is_dir():
        raise IsADirectoryError(f"{output} is a folder; name a file in it")
    if output.exists() and not args.overwrite:
        raise FileExistsError(f"{output} is already there; --overwrite replaces it")
    if args.format == "pth":
        network, state_dict = read_checkpoint(weights)
        save_weights(output, state_dict, network)
        print(f"{output}: float16 weights of {network['type']}, {output.stat().st_size} bytes")
        return 0
    difference = export_onnx(load_network(weights), output, LICENCE if shipped else "")
    print(
        f"{output}: input lq (N, 3, H, W) float32 RGB in [0, 1], faces aligned as in FFHQ, H and W "
        f"from {MIN_SIDE} to {MAX_SIDE}; outputs image (N, 3, H, W) in [0, 1] and masks "
        f"(N, K, H, W) logits; differs from PyTorch by at most {difference:.1e}"
    )
    return 0


def export_onnx(net: nn.Module, path: Path, licence: str = "") -> float:
    """Writes the network as ONNX, with free batch, height and width, and runs it once.

    The file's metadata say what faces it takes (`faces`), what the channels of the masks are
    (`mask_classes`) and what the weights may be used for (`licence`).

    Args:
        net: as `load_network` gives it.
        path: the file to write, replaced if it exists; whole or not at all.
        licence: of the weights; empty: not known.

    Returns:
        Largest absolute difference from PyTorch, over both outputs, on noise of another size than
        the one that the network was traced with.

    Raises:
        ModuleNotFoundError: the extra `export` is not installed.
        ValueError: the file's results are not PyTorch's.
    """
    with extra("export"):
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    height = torch.export.Dim("height", min=MIN_SIDE, max=MAX_SIDE)
    width = torch.export.Dim("width", min=MIN_SIDE, max=MAX_SIDE)
    with whole_file(path) as partial:
        with warnings.catch_warnings(action="ignore"):  # the exporter's own
            torch.onnx.export(
                _WithMasks(net).eval(),
                (torch.rand(2, 3, 72, 88),),
                partial,
                input_names=["lq"],
                output_names=["image", "masks"],
                dynamic_shapes=({0: torch.export.Dim("batch"), 2: height, 3: width},),
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
                verbose=False,
            )
        _describe(partial, licence)
        difference = _difference(net, partial)
        if not difference < TOLERANCE:
            raise ValueError(
                f"{path} not written: its results differ from PyTorch's by {difference}"
            )
    return difference


def _describe(path: Path, licence: str) -> None:
    import onnx

    model = onnx.load(path)
    known = {
        "faces": "RGB in [0, 1], aligned as in FFHQ",
        "mask_classes": ", ".join(CLASSES),
        "licence": licence,
    }
    onnx.helper.set_model_props(model, {name: text for name, text in known.items() if text})
    onnx.save(model, path)


def _difference(net: nn.Module, path: Path) -> float:
    import onnxruntime

    lq = torch.rand(1, 3, 53, 47, generator=torch.Generator().manual_seed(0))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    outputs = session.run(["image", "masks"], {"lq": lq.numpy()})
    with torch.no_grad():
        expected = _WithMasks(net)(lq)
    return max(
        float((torch.from_numpy(ours) - theirs).abs().max())
        for ours, theirs in zip(outputs, expected, strict=True)
    )
