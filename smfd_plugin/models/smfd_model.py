"""Training of SMFD-UNet: the masks first, then both steps together."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from basicsr.losses import build_loss
from basicsr.utils import get_root_logger
from basicsr.utils.registry import ARCH_REGISTRY, MODEL_REGISTRY
from torch import Tensor, nn
from torch.nn import functional as F

from smfd_plugin.archs.deconvolution import KERNEL_SIZE
from smfd_plugin.data.mask_classes import CLASSES
from smfd_plugin.metrics.mask_iou import confusion_matrix, mean_iou
from smfd_plugin.models.restoration_model import RestorationModel

MAX_STEPS_WITHOUT_MASK = 100


@MODEL_REGISTRY.register()
class SMFDModel(RestorationModel):
    """RestorationModel for a network with masks, called as SMFDUNet is.

    Options:
        true_masks: steer the network by the true masks of the faces that have one, the upper bound
            of what masks can bring, instead of by those that it predicts.

    Options under `train`, beside RestorationModel's own:
        mask_opt: loss of the mask logits; `mask_warmup_iter`: the first steps train masks only.
        kernel_opt: loss of the blur's kernel, optional; needs a network with `kernel_widths` and a
            FaceBlurDataset with `kernel_size: 47`.
        identity_opt: loss of the person's identity, optional; needs a FaceBlurDataset, which tells
            where in each crop the face is.
        part_weight: how much more a pixel of brows, eyes, nose and mouth counts than any other in
            the pixel loss, where the face has a mask (1: the same); needs a pixel_opt that takes
            weights, as L1Loss.

    Raises:
        ValueError: as RestorationModel, or a network that draws no masks or with other classes than
            CLASSES; in training, MAX_STEPS_WITHOUT_MASK steps of the warm-up in a row without a
            mask.
    """

    known_options = (*RestorationModel.known_options, "true_masks")

    known_train_options = (
        *RestorationModel.known_train_options,
        "mask_opt",
        "mask_warmup_iter",
        "kernel_opt",
        "identity_opt",
        "part_weight",
    )

    def __init__(self, opt: Mapping[str, Any]) -> None:
        kind = opt["network_g"]["type"]
        forward = getattr(ARCH_REGISTRY.get(kind), "forward", None)  # not all of them are classes
        if not (forward and _takes(forward, "masks_only")):
            raise ValueError(
                "SMFDModel needs a network that draws masks, such as SMFDUNet; for "
                f"{kind} take model_type RestorationModel"
            )
        classes = opt["network_g"].get("num_classes", len(CLASSES))
        if classes != len(CLASSES):
            raise ValueError(
                f"network_g.num_classes {classes!r} is not the {len(CLASSES)} of SMFDModel's "
                "masks; leave it out"
            )
        self.confusion = _no_confusion()
        super().__init__(opt)

    def init_training_settings(self) -> None:
        options = self.opt["train"]
        known_faces = self.opt["datasets"]["train"]["type"] == "FaceBlurDataset"
        for name in ("kernel_opt", "identity_opt"):
            if options.get(name) and not known_faces:
                raise ValueError(f"train.{name} needs datasets.train.type FaceBlurDataset")
        if options.get("kernel_opt"):
            _check_kernel_options(self.opt)
        self.cri_mask = build_loss(options["mask_opt"]).to(self.device)
        self.cri_kernel = self._optional_loss("kernel_opt")
        self.cri_identity = self._optional_loss("identity_opt")
        self.steps_without_mask = 0
        super().init_training_settings()
        weighted = options.get("part_weight", 1) != 1 and self.cri_pix
        if weighted and not _takes(self.cri_pix.forward, "weight"):
            raise ValueError(
                "train.part_weight needs a train.pixel_opt that takes weights, such as L1Loss; for "
                f"{options['pixel_opt']['type']} leave it out"
            )

    def feed_data(self, data: Mapping[str, Any]) -> None:
        """Takes a batch of FaceBlurDataset, or of any paired data set without masks."""
        super().feed_data(data)
        self.has_mask = data.get("has_mask", torch.zeros(len(self.lq), dtype=torch.bool))
        self.has_mask = self.has_mask.to(self.device)
        self.face_box = data["face_box"].to(self.device) if "face_box" in data else None
        self.kernel = data["kernel"].to(self.device) if "kernel" in data else None
        if "mask" in data:
            self.mask = data["mask"].to(self.device)
        else:
            self.mask = torch.zeros_like(self.lq[:, 0], dtype=torch.int64)

    def _losses(self, current_iter: int) -> Iterator[tuple[str, Tensor]]:
        options = self.opt["train"]
        masks_only = current_iter <= options.get("mask_warmup_iter", 0)
        if masks_only:
            self._expect_masks()
        with self._autocast():
            if masks_only:
                logits = self.net_g(self.lq, masks_only=True)
            else:
                self.output, logits, kernel = self._restore(self.net_g)
        yield "l_mask", self.cri_mask(logits, self.mask, self.has_mask)
        if masks_only:
            return
        if self.cri_kernel:
            yield "l_kernel", self.cri_kernel(kernel, self.kernel)
        output = self.output.float()
        yield from self._image_losses(output, weight=self._part_weights())
        if self.cri_identity:
            with self._autocast():
                yield "l_identity", self.cri_identity(output, self.gt, self.face_box)

    def _expect_masks(self) -> None:
        self.steps_without_mask = 0 if self.has_mask.any() else self.steps_without_mask + 1
        if self.steps_without_mask == MAX_STEPS_WITHOUT_MASK:
            raise ValueError(
                f"{MAX_STEPS_WITHOUT_MASK} steps of train.mask_warmup_iter had no face with a "
                "mask: prepare the faces with masks, or name weights in path.pretrain_network_g "
                "and set it to 0"
            )

    def _restore(self, net: nn.Module) -> tuple[Tensor, Tensor, Tensor | None]:
        """The batch restored, its mask logits and, of a network that has it, the kernel."""
        masks = None
        if self.opt.get("true_masks"):
            predicted = net(self.lq, masks_only=True).softmax(1)
            true = F.one_hot(self.mask, predicted.shape[1]).movedim(3, 1).to(predicted.dtype)
            masks = torch.where(self.has_mask[:, None, None, None], true, predicted)
        return net(self.lq, return_masks=True, masks=masks, return_kernel=True)

    def _part_weights(self) -> Tensor | None:
        """(N, 3, H, W) weights with a mean of 1, larger on the parts that make a face; None if all
        are the same."""
        part = self.opt["train"].get("part_weight", 1)
        if part == 1:
            return None
        by_class = torch.ones(len(CLASSES), device=self.device)
        by_class[[CLASSES.index(name) for name in ("brows", "eyes", "nose", "mouth")]] = part
        weights = by_class[self.mask][:, None]
        return (weights / weights.mean()).expand_as(self.gt)

    def _restored_by(self, net: nn.Module) -> Tensor:
        """Counts the batch's mask pixels, too."""
        output, logits, _ = self._restore(net)
        known = self.has_mask
        predicted = logits[known].argmax(1)
        self.confusion += confusion_matrix(predicted, self.mask[known], logits.shape[1]).cpu()
        return output

    def nondist_validation(
        self, dataloader: Any, current_iter: int, tb_logger: Any, save_img: bool
    ) -> None:
        """SRModel's validation, and the mask mIoU over all faces that have a mask."""
        self.confusion = _no_confusion()
        super().nondist_validation(dataloader, current_iter, tb_logger, save_img)
        if not self.confusion.any():
            return
        name, score = dataloader.dataset.opt["name"], mean_iou(self.confusion)
        get_root_logger().info(f"Validation {name}: mask mIoU {score:.4f}")
        if tb_logger:
            tb_logger.add_scalar(f"metrics/{name}/mask_miou", score, current_iter)


def _no_confusion() -> Tensor:
    """The counts of confusion_matrix before the first pixel."""
    return torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.int64)


def _takes(function: Callable[..., Any], name: str) -> bool:
    """Whether an argument may be passed by that name."""
    parameters = inspect.signature(function).parameters
    any_name = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    return any_name or name in parameters


def _check_kernel_options(opt: Mapping[str, Any]) -> None:
    if not opt["network_g"].get("kernel_widths"):
        raise ValueError("train.kernel_opt needs a network with network_g.kernel_widths")
    size = opt["datasets"]["train"].get("kernel_size")
    if size != KERNEL_SIZE:
        raise ValueError(
            f"train.kernel_opt needs datasets.train.kernel_size {KERNEL_SIZE}, not {size}"
        )
