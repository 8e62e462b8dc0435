"""Our own network, and any architecture that is registered with BasicSR."""

from collections.abc import Mapping
from typing import Any

from basicsr.archs import build_network
from torch import Tensor, nn

from smfd_plugin.benchmark.files import find_file
from smfd_plugin.benchmark.methods.base import Context, Method
from smfd_plugin.benchmark.methods.restorer import restorer
from smfd_plugin.common.torch_files import pick_state, read
from smfd_plugin.restore.sizes import run_aligned
from smfd_plugin.weights import load_network


def smfd(context: Context, *, weights: str | None = None) -> Method:
    """SMFD-UNet, as FaceDeblurrer runs it on aligned faces.

    Args:
        context: see Context.
        weights: a file, or the name of shipped ones; None: the default.
    """
    net = load_network(weights).to(context.device)
    restore = restorer(net, lambda net, lq: run_aligned(net, lq)[0], None, context)
    return Method(restore, net, (run_aligned,))


def basicsr(
    context: Context,
    *,
    network: Mapping[str, Any],
    weights: str,
    url: str | None = None,
    sha256: str | None = None,
    source: str | None = None,
    param_key: str | None = None,
    size: int | None = None,
    range: tuple[float, float] = (0, 1),
) -> Method:
    """An architecture of BasicSR's or of a plugin, with a checkpoint.

    Args:
        context: see Context.
        network: as `network_g` in a training option file.
        weights, url, sha256, source: see files.find_file.
        param_key: which weights of the file, where it has several; None: `params_ema` if it has
            them, else `params`.
        size: side of the faces that it was trained on; None: any.
        range: the lowest and the highest value that it takes and gives.

    Raises:
        ValueError: a network without a type, a range that is none, a file that holds no weights, or
            some that do not fit the network.
    """
    if "type" not in network:
        raise ValueError("network needs a `type`, one that is registered with BasicSR")
    if len(range) != 2 or not range[0] < range[1]:
        raise ValueError(f"range is {range!r}; it must be two numbers, [-1, 1] for instance")
    path = find_file(context.folder, context.download, weights, url, sha256, source)
    net = build_network(dict(network))
    state = pick_state(read(path), [param_key] if param_key else ["params_ema", "params"], path)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(f"{path} does not fit {network['type']}: {reason}") from error
    net.eval().to(context.device)
    low, high = range

    def call(net: nn.Module, lq: Tensor) -> Tensor:
        return (net(lq * (high - low) + low) - low) / (high - low)

    return Method(restorer(net, call, size, context), net)
