"""Whatever spandrel recognises: GFPGAN, RestoreFormer, CodeFormer, NAFNet, Restormer, ..."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from smfd_plugin.benchmark.files import find_file
from smfd_plugin.benchmark.methods.base import Context, Method, register
from smfd_plugin.benchmark.methods.tensors import Call, restorer


class FaceNetwork(NamedTuple):
    """How a network made for faces alone is called: it takes and gives values in [-1, 1], and its
    picture is the first of several outputs.

    spandrel's own call leaves GFPGAN's and CodeFormer's range to the caller.
    """

    size: int
    options: tuple[str, ...] = ()


FACE_NETWORKS = {
    "GFPGAN": FaceNetwork(512),
    "RestoreFormer": FaceNetwork(512),
    "CodeFormer": FaceNetwork(512, ("weight",)),
}
"""By spandrel's names of architectures. CodeFormer's `weight` is its fidelity w, from 0 (quality)
to 1 (fidelity)."""


@register("spandrel")
def spandrel(options: Mapping[str, Any], context: Context) -> Method:
    """A file in spandrel's list, recognised by its contents.

    Options: `weights` (see files.find_file); `size`: side of the faces that it was trained on,
    absent: 512 for GFPGAN, RestoreFormer and CodeFormer, any for others; `weight`: CodeFormer's
    fidelity w in [0, 1], 0.5 if absent.

    Raises:
        ValueError: a file that is none of theirs, or of a network that changes a picture's size.
    """
    path = find_file(options, context.folder, context.download)
    descriptor = load_descriptor(path)
    if descriptor.scale != 1:
        raise ValueError(
            f"{path} enlarges pictures {descriptor.scale} times; it cannot be compared"
        )
    name = descriptor.architecture.id
    net = descriptor.eval().to(context.device).model
    face_network = FACE_NETWORKS.get(name)
    if face_network is None:
        call: Call = lambda _, lq: descriptor(lq)  # noqa: E731
        size = options.get("size")
    else:
        kwargs = {key: options[key] for key in face_network.options if key in options}
        call = face_call(kwargs)
        size = options.get("size", face_network.size)
    return Method(restorer(net, call, size, context.device, context.seed), net)


def face_call(kwargs: Mapping[str, Any]) -> Call:
    """How a FaceNetwork is called; `kwargs` are its options."""

    def call(net: nn.Module, lq: Tensor) -> Tensor:
        return (net(lq * 2 - 1, **kwargs)[0] + 1) / 2

    return call


def load_descriptor(path: Path) -> Any:
    """spandrel's descriptor of the network in a file; its extra architectures and ours are known.

    Raises:
        ModuleNotFoundError: the packages are not installed.
        ValueError: a file of no architecture that spandrel knows.
    """
    try:
        import spandrel
        import spandrel_extra_arches
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed: pip install smfd-plugin[benchmark]"
        ) from error
    import smfd_plugin.spandrel  # noqa: F401

    spandrel_extra_arches.install(ignore_duplicates=True)
    try:
        return spandrel.ModelLoader().load_from_file(path)
    except spandrel.UnsupportedModelError as error:
        raise ValueError(f"{path} is of no architecture that spandrel knows") from error
