"""Our own network, and any architecture that is registered with BasicSR."""

from collections.abc import Mapping
from typing import Any

import torch
from basicsr.archs import build_network

from smfd_plugin.benchmark.files import find_file
from smfd_plugin.benchmark.methods.base import Context, Method, register
from smfd_plugin.benchmark.methods.tensors import restorer
from smfd_plugin.weights import load_network


@register("smfd")
def smfd(options: Mapping[str, Any], context: Context) -> Method:
    """SMFD-UNet. Options: `weights`: a file, or the name of shipped ones; absent: the default."""
    net = load_network(options.get("weights")).to(context.device)
    return Method(restorer(net, lambda net, lq: net(lq), None, context.device, context.seed), net)


@register("basicsr")
def basicsr(options: Mapping[str, Any], context: Context) -> Method:
    """An architecture of BasicSR's or of a plugin, with a checkpoint.

    Options: `network`: as `network_g` in a training option file; `weights` (see files.find_file);
    `param_key`: which weights of the file, absent: `params_ema` if it has them, else `params`;
    `size`: side of the faces that it was trained on, absent: any; `range`: the values that it takes
    and gives, [0, 1] if absent.
    """
    path = find_file(options, context.folder, context.download)
    net = build_network(dict(options["network"]))
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    key = options.get("param_key") or ("params_ema" if "params_ema" in checkpoint else "params")
    if key not in checkpoint:
        raise ValueError(f"{path} has no {key!r} but {', '.join(map(str, checkpoint))}")
    try:
        net.load_state_dict(checkpoint[key])
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(f"{path} does not fit {options['network']['type']}: {reason}") from error
    net.eval().to(context.device)
    low, high = options.get("range", (0, 1))
    restore = restorer(
        net,
        lambda net, lq: (net(lq * (high - low) + low) - low) / (high - low),
        options.get("size"),
        context.device,
        context.seed,
    )
    return Method(restore, net)
