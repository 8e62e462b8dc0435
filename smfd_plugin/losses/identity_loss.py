"""How alike a restored face and the sharp one are to a face-recognition network."""

from pathlib import Path

import numpy as np
import torch
from basicsr.utils.registry import LOSS_REGISTRY
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.common.extras import extra
from smfd_plugin.data.template import FFHQ_SIZE, FFHQ_TEMPLATE, arcface_landmarks, similarity
from smfd_plugin.losses.shapes import check_same_shape


@LOSS_REGISTRY.register()
class IdentityLoss(nn.Module):
    """One minus the cosine of the angle between two faces' embeddings (the identity preserving loss
    of GFPGAN, arXiv 2101.04061, is their L1 distance).

    Who measures with `calculate_identity` should train with another network than that one: a score
    that was trained on says nothing.

    Args:
        model: ONNX file of a network in ArcFace's manner, (N, 3, H, W) RGB in [-1, 1] to (N, D);
            HxW is 112x112 or 112x96, or the same enlarged.
        loss_weight: factor of the loss.

    Raises:
        ModuleNotFoundError: the extra `train` is not installed.
        FileNotFoundError: no file `model`.
        ValueError: a file that is no such network.
    """

    def __init__(self, model: str | Path, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.embedder, size = _read(Path(model))
        self.requires_grad_(False).eval()
        self.register_buffer("grid", _template_grid(*size), persistent=False)

    def train(self, mode: bool = True) -> "IdentityLoss":
        """Leaves the network as it is: its statistics are not to change."""
        return super().train(False)

    def forward(self, image: Tensor, gt: Tensor, face_box: Tensor) -> Tensor:
        """Loss of a batch, a scalar.

        Args:
            image: (N, 3, H, W) RGB in [0, 1].
            gt: the same shape.
            face_box: (N, 3) left, top and side, in pixels, of the squares that are aligned as in
                FFHQ; what lies outside of the picture is filled with its edge.

        Raises:
            ValueError: pictures of two shapes.
        """
        check_same_shape(image, gt)
        with torch.no_grad():
            target = self._embed(gt, face_box)
        cosine = F.cosine_similarity(self._embed(image, face_box), target)
        return self.loss_weight * (1 - cosine).mean()

    def _embed(self, image: Tensor, face_box: Tensor) -> Tensor:
        corner, side = face_box[:, None, None, :2], face_box[:, None, None, 2:]
        size = image.new_tensor([image.shape[3], image.shape[2]])
        grid = 2 * (corner + self.grid * side) / size - 1
        crops = F.grid_sample(image, grid, padding_mode="border", align_corners=False)
        crops = F.avg_pool2d(crops, 2)
        return self.embedder(2 * crops - 1).float()


def _template_grid(height: int, width: int) -> Tensor:
    """(2H, 2W, 2): where in an aligned face the quarters of the crop's pixels lie, x and y in parts
    of the face's side; samples a pixel apart would alias."""
    height, width = 2 * height, 2 * width
    matrix = similarity(arcface_landmarks(height, width), FFHQ_TEMPLATE)
    rows, columns = np.mgrid[:height, :width]
    points = np.stack((columns, rows, np.ones_like(rows)), -1) @ matrix.T
    return torch.from_numpy(((points + 0.5) / FFHQ_SIZE).astype(np.float32))


def _read(path: Path) -> tuple[nn.Module, tuple[int, int]]:
    """The network and the (H, W) of its input."""
    with extra("train"):
        import onnx
        import onnx2torch
    if not path.is_file():
        raise FileNotFoundError(
            f"IdentityLoss: no embedding network {path}; name an ONNX file in "
            "train.identity_opt.model, or leave train.identity_opt out"
        )
    try:
        model = onnx.load(path)
        shape = [axis.dim_value for axis in model.graph.input[0].type.tensor_type.shape.dim]
        network = onnx2torch.convert(model)
    except Exception as error:  # both raise many kinds for a broken file
        raise ValueError(f"IdentityLoss: {path} is no ONNX file to train with: {error}") from error
    channels, height, width = shape[1:] if len(shape) == 4 else (0, 0, 0)
    if channels != 3 or not height or width * 7 not in (height * 6, height * 7):
        raise ValueError(
            f"IdentityLoss: {path} takes {shape}, not (N, 3, 112, 112), (N, 3, 112, 96) or the "
            "same enlarged"
        )
    return network, (height, width)
