"""The methods of restoring faces. Each is a network called as SMFD-UNet is."""

from pathlib import Path

from torch import Tensor, nn

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.data.mask_classes import CLASSES
from smfd_plugin.diffusion import DifFace
from smfd_plugin.weights import METHODS, WeightsError, load_network

NO_DIFFACE = (
    "no weights of DifFace come with the package: train some, or get the authors' two files from "
    "https://github.com/zsyOAOA/DifFace/releases and name options/difface.yml as the weights "
    "(docs/difface.md)"
)


class MaskedDifFace(nn.Module):
    """DifFace, and SMFD-UNet beside it for the masks: a picture's faces cannot be blended in
    without them, and DifFace draws none.

    The noise is the same for every face and at every call, so that a face in a video does not
    flicker with it.

    Args:
        difface: restores.
        masks: draws the masks; SMFD-UNet itself where it is DifFace's estimator.
    """

    def __init__(self, difface: DifFace, masks: SMFDUNet) -> None:
        super().__init__()
        self.difface = difface
        self.masks = masks

    def forward(
        self, lq: Tensor, return_masks: bool = False, return_kernel: bool = False
    ) -> Tensor | tuple[Tensor | None, ...]:
        """Restores faces; arguments and results are those of SMFDUNet, without a kernel."""
        outputs = [self.difface(lq)]
        if return_masks:
            outputs.append(self.masks(lq, masks_only=True))
        if return_kernel:
            outputs.append(None)
        return tuple(outputs) if len(outputs) > 1 else outputs[0]


class MasksAlone(nn.Module):
    """The masks of a method without its restoration, which can take minutes; faces come out as they
    went in.

    Args:
        method: from `load_method`.
    """

    def __init__(self, method: nn.Module) -> None:
        super().__init__()
        self.masks = method.masks if isinstance(method, MaskedDifFace) else method

    def forward(
        self, lq: Tensor, return_masks: bool = True, return_kernel: bool = False
    ) -> tuple[Tensor | None, ...]:
        """The faces and their mask logits, as SMFDUNet returns them with `return_masks`; no
        kernel."""
        outputs = lq, self.masks(lq, masks_only=True)
        return (*outputs, None) if return_kernel else outputs


def load_method(method: str = "smfd", weights: str | Path | None = None) -> nn.Module:
    """The network of a method, on the CPU and in eval mode.

    Args:
        method: `smfd` or `difface`.
        weights: see `weights.read_checkpoint`; None: the shipped ones.

    Returns:
        A network called as `net(lq, return_masks=True, return_kernel=True)`.

    Raises:
        ValueError: an unknown method, or weights that cannot be used or draw other masks than
            those of CLASSES (WeightsError).
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; known: {', '.join(METHODS)}")
    if method == "smfd":
        net = load_network(weights)
        check_classes(net, weights)
        return net
    if weights is None:
        raise WeightsError(NO_DIFFACE)
    difface = load_network(weights, method)
    estimator = difface.estimator
    masks = estimator if isinstance(estimator, SMFDUNet) else load_network()
    check_classes(masks, weights)
    return MaskedDifFace(difface, masks).eval()


def check_classes(net: SMFDUNet, weights: str | Path | None) -> None:
    """Checks that a network's masks are of CLASSES: by others a face would not be found in them.

    Args:
        net: the network.
        weights: where it is from, for the message.

    Raises:
        WeightsError: it draws another number of classes.
    """
    if net.num_classes != len(CLASSES):
        raise WeightsError(
            f"{weights}: the masks have num_classes {net.num_classes}, not the {len(CLASSES)} that "
            f"a face is put back by ({', '.join(CLASSES)}); take other weights"
        )
