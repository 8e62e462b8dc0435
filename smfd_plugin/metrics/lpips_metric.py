"""LPIPS (arXiv 1801.03924), by its authors' package `lpips`."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from basicsr.utils.registry import METRIC_REGISTRY
from numpy.typing import NDArray
from torch import Tensor, nn

from smfd_plugin.common.download import download_timeout
from smfd_plugin.common.extras import extra
from smfd_plugin.common.torch_files import read_features
from smfd_plugin.data.tensors import to_tensor
from smfd_plugin.metrics.images import prepare_pair


@METRIC_REGISTRY.register()
def calculate_lpips(
    img: NDArray,
    img2: NDArray,
    crop_border: int = 0,
    input_order: str = "HWC",
    net: str = "alex",
    backbone: str | Path | None = None,
    device: str = "cpu",
    **_: Any,
) -> float:
    """Learned perceptual distance of two pictures, 0 for equal ones; lower is better.

    Args:
        img: BGR in [0, 255], (H, W, 3) or, by `input_order`, (3, H, W).
        img2: the same shape.
        crop_border: pixels to leave out along each edge.
        input_order: `HWC` or `CHW`.
        net: `alex`, `vgg` or `squeeze`; published figures are mostly `alex`.
        backbone: file of the torchvision network's convolutions (keys `features.N.weight`); None:
            torchvision downloads it once.
        device: where to compute.
        **_: other options of BasicSR's, such as `better`.

    Raises:
        ModuleNotFoundError: the extra `benchmark` is not installed.
        ValueError: pictures that do not fit, an unknown `net`, or a file that is no such network.
        FileNotFoundError: no file `backbone`.
        OSError: the backbone cannot be downloaded.
    """
    pair = prepare_pair(img, img2, crop_border, input_order)
    network = lpips_network(net, None if backbone is None else str(backbone), device)
    first, second = (2 * to_tensor(each).to(device) - 1 for each in pair)
    with torch.no_grad():
        return network(first, second).item()


@lru_cache
def lpips_network(net: str = "alex", backbone: str | None = None, device: str = "cpu") -> nn.Module:
    """The network behind calculate_lpips, kept for the next call; arguments and errors as there.

    It takes two (N, 3, H, W) float RGB tensors in [-1, 1] and gives (N, 1, 1, 1).
    """
    with extra("benchmark"):
        import lpips
    if net not in ("alex", "vgg", "squeeze"):
        raise ValueError(f"lpips: net is {net!r}; it can be alex, vgg or squeeze")
    with warnings.catch_warnings(action="ignore"):  # the package calls torchvision in an old way
        if backbone is None:
            return _downloaded(net).to(device)
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    network.net.load_state_dict(_backbone_state(network.net, Path(backbone)))
    return network.to(device)


def _downloaded(net: str) -> nn.Module:
    import lpips

    try:
        with download_timeout():
            return lpips.LPIPS(net=net, verbose=False)
    except OSError as error:
        raise OSError(
            f"lpips: torchvision's {net} network cannot be downloaded ({error}); name a file of "
            "it as the metric's `backbone`"
        ) from error


def _backbone_state(net: nn.Module, path: Path) -> dict[str, Tensor]:
    """The package cuts the network into slices but keeps the layers' numbers: sliceS.N.weight."""
    if not path.is_file():
        raise FileNotFoundError(
            f"lpips: no backbone file {path}; save the state_dict() of torchvision's network "
            "there, or leave `backbone` out to have it downloaded"
        )
    wanted = {name: "features." + name.partition(".")[2] for name in net.state_dict()}
    return read_features(path, wanted)
