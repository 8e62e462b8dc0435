"""How heavy the networks are: `python -m smfd_plugin.benchmark.network_speed`.

GFPGAN's and CodeFormer's networks have random weights: parameters, operations and time are those of
the real ones, and nothing has to be downloaded.
"""

import argparse
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from smfd_plugin.benchmark.operations import count_operations, count_parameters
from smfd_plugin.benchmark.timing import median_seconds
from smfd_plugin.common.extras import extra
from smfd_plugin.restore.network import half_dtype, pick_device
from smfd_plugin.weights import load_network

SIZE = 512
"""Side of the face; GFPGAN and CodeFormer know no other."""

OURS = "SMFD-UNet"


def build_networks() -> dict[str, nn.Module]:
    """The networks by name, in eval mode on the CPU.

    Raises:
        ModuleNotFoundError: the extra `benchmark` is not installed.
    """
    with extra("benchmark"):
        from spandrel.architectures.GFPGAN import GFPGAN
        from spandrel_extra_arches.architectures.CodeFormer import CodeFormer
    networks = {OURS: load_network(), "GFPGAN 1.4": GFPGAN(), "CodeFormer": CodeFormer()}
    return {name: net.eval() for name, net in networks.items()}


@torch.no_grad()
def rotate(
    networks: Mapping[str, nn.Module], face: Tensor, rounds: int, dtype: torch.dtype | None
) -> dict[str, float]:
    """Median seconds of each network for one face.

    Args:
        networks: by name, on the face's device.
        face: (1, 3, H, W).
        rounds: how often to measure, see median_seconds; a round before them is not counted.
        dtype: of autocast; None: float32.
    """
    wait: Callable[[], None] = torch.cuda.synchronize if face.is_cuda else lambda: None

    def run(net: nn.Module) -> None:
        with torch.autocast(face.device.type, dtype, enabled=dtype is not None):
            net(face)
        wait()

    for net in networks.values():
        run(net)
    return median_seconds({name: partial(run, net) for name, net in networks.items()}, rounds)


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each network (5)")
    args = parser.parse_args()
    try:
        device = pick_device(args.device)
        networks = {name: net.to(device) for name, net in build_networks().items()}
    except (ValueError, ModuleNotFoundError) as error:
        parser.error(str(error))
    face = torch.rand(1, 3, SIZE, SIZE, device=device)
    half = half_dtype(device)
    seconds = {"float32": rotate(networks, face, args.rounds, None)}
    if half is not None:
        name = str(half).removeprefix("torch.")
        seconds[name] = rotate(networks, face, args.rounds, half)
    print(f"One face of {SIZE}x{SIZE} on {device}, {torch.get_num_threads()} CPU threads")
    columns = [f"s, {kind} | times {OURS}" for kind in seconds]
    print(f"| network | parameters, M | GFLOPs | {' | '.join(columns)} |")
    print("|---" * (3 + 2 * len(seconds)) + "|")
    for name, net in networks.items():
        cells = [f"{count_parameters(net) / 1e6:.1f}"]
        cells.append(f"{count_operations(net, face) / 1e9:.0f}")
        for times in seconds.values():
            cells += [f"{times[name]:.3f}", f"{times[name] / times[OURS]:.1f}"]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
