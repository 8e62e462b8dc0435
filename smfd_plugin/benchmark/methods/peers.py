"""Whatever spandrel recognises: GFPGAN, RestoreFormer, CodeFormer, NAFNet, Restormer, ..."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from smfd_plugin.benchmark.files import find_file
from smfd_plugin.benchmark.methods.base import Context, Method
from smfd_plugin.benchmark.methods.restorer import Call, restorer
from smfd_plugin.common.extras import extra

FACE_NETWORKS = ("GFPGAN", "RestoreFormer", "CodeFormer")
"""spandrel's names of networks made for aligned faces of FACE_SIZE alone. They take and give values
in [-1, 1], and their picture is the first of several outputs; spandrel's own call leaves GFPGAN's
and CodeFormer's range to the caller."""

FACE_SIZE = 512


def spandrel(
    context: Context,
    *,
    weights: str,
    url: str | None = None,
    sha256: str | None = None,
    source: str | None = None,
    size: int | None = None,
    weight: float | None = None,
) -> Method:
    """A file of a network that spandrel knows, recognised by its contents.

    Args:
        context: see Context.
        weights, url, sha256, source: see files.find_file.
        size: side of the faces that it was trained on; None: 512 for the FACE_NETWORKS, any for
            others.
        weight: CodeFormer's fidelity w, from 0 (quality) to 1 (fidelity); None: 0.5.

    Raises:
        ValueError: a file that is none of theirs, or of a network that changes a picture's size, or
            a `weight` for another network.
    """
    path = find_file(context.folder, context.download, weights, url, sha256, source)
    descriptor = load_descriptor(path)
    if descriptor.scale != 1:
        raise ValueError(
            f"{path} enlarges pictures {descriptor.scale} times; it cannot be compared"
        )
    name = descriptor.architecture.id
    if weight is not None and name != "CodeFormer":
        raise ValueError(f"weight is CodeFormer's fidelity, but {path} is of {name}")
    net = descriptor.eval().to(context.device).model
    if name not in FACE_NETWORKS:
        return Method(restorer(net, lambda _, lq: descriptor(lq), size, context), net)
    call = face_call({} if weight is None else {"weight": weight})
    return Method(restorer(net, call, size or FACE_SIZE, context), net)


def face_call(kwargs: Mapping[str, Any]) -> Call:
    """How one of the FACE_NETWORKS is called; `kwargs` are its own arguments."""

    def call(net: nn.Module, lq: Tensor) -> Tensor:
        return (net(lq * 2 - 1, **kwargs)[0] + 1) / 2

    return call


def load_descriptor(path: Path) -> Any:
    """spandrel's descriptor of the network in a file; its extra architectures and ours are known.

    Raises:
        ModuleNotFoundError: the extra `benchmark` is not installed.
        ValueError: a file of no architecture that spandrel knows.
    """
    with extra("benchmark"):
        import spandrel
        import spandrel_extra_arches
    import smfd_plugin.spandrel  # noqa: F401

    spandrel_extra_arches.install(ignore_duplicates=True)
    try:
        return spandrel.ModelLoader().load_from_file(path)
    except spandrel.UnsupportedModelError as error:
        raise ValueError(f"{path} is of no architecture that spandrel knows") from error
