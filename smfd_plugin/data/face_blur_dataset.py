"""Sharp faces, with or without part masks, blurred on the fly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from basicsr.utils import get_root_logger, img2tensor
from basicsr.utils.registry import DATASET_REGISTRY
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from smfd_plugin.common.option_names import check_names, check_values
from smfd_plugin.common.option_section import without_nulls
from smfd_plugin.data.blur_batch import describe
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.faces import FaceFolder
from smfd_plugin.data.kernels import IDENTITY, Kernel, fit_kernel
from smfd_plugin.data.scenario import Scenario
from smfd_plugin.data.scenarios import read_scenarios

OPTIONS = (
    "dataroot",
    "gt_size",
    "min_gt_size",
    "crop_size",
    "use_hflip",
    "blur",
    "sharp_ratio",
    "kernel_size",
    "degrade_on_device",
    "scenarios",
)
RANDOM_OPTIONS = ("min_gt_size", "crop_size", "use_hflip", "sharp_ratio", "degrade_on_device")
"""Those that a fixed set cannot have."""

LOADER_OPTIONS = (
    "name",
    "type",
    "phase",
    "scale",
    "io_backend",
    "use_shuffle",
    "batch_size_per_gpu",
    "num_worker_per_gpu",
    "dataset_enlarge_ratio",
    "prefetch_mode",
    "num_prefetch_queue",
    "pin_memory",
    "persistent_workers",
)
"""What BasicSR's option files have in the same place."""

UNTOUCHED = -1
"""Stands for a scenario number where a face is not degraded at all."""


@DATASET_REGISTRY.register()
class FaceBlurDataset(Dataset):
    """Pairs (blurry, sharp) of aligned faces, with the semantic class of each pixel.

    Options (BasicSR's `datasets` entry), absent or null where they are not wanted:
        dataroot: a folder or a list of folders, see FaceFolder.
        gt_size: pixels; faces are resized to gt_size x gt_size before the blur.
        min_gt_size: pixels; each face gets a random size from here to gt_size, so that the network
            meets faces of many sizes; absent: all gt_size. Not for a fixed set. Faces whose file
            is smaller than that size are not enlarged beyond min_gt_size.
        crop_size: pixels, random crops of this size; absent: whole faces. Not for a fixed set.
        use_hflip: mirror half of the faces. Not for a fixed set.
        blur: `factors` and `weights` of the BlurSpace; absent: the default space, drawn uniformly.
        sharp_ratio: part of the samples, in [0, 1], that stay as they are (scenario -1), so that
            the network learns to leave a sharp face alone; absent: none. Not for a fixed set.
        kernel_size: pixels, odd; gives each sample the kernel of its blur as well.
        degrade_on_device: leave the degradation to the model, a RestorationModel, which computes it
            on its device, where that is faster than the data loader. Not for a fixed set.
        scenarios: makes the set fixed, for validation: a list for read_scenarios. Pair i is face i
            with scenario i; the shorter of the two repeats. Each of `blur.factors` needs as many
            values as by default then, for the numbers to mean the same.

    A sample is a dict of `lq` and `gt` (3, H, W) float32 RGB in [0, 1], `mask` (H, W) int64 classes
    (all background without a mask), `has_mask` bool, `face_box` (3,) float32 left, top and side of
    the whole face in the crop's pixels, `scenario` int, `lq_path` and `gt_path`;
    with `kernel_size` also `kernel`, (kernel_size, kernel_size) float32 of sum 1. With
    `degrade_on_device`, `surroundings` (3, H + 2 * margin, W + 2 * margin) uint8 RGB and
    `degradation` take the place of `lq` and `gt`, see blur_batch.degrade_inside.

    Raises:
        FileNotFoundError: a folder or scenario list that is not there, or holds no face.
        ValueError: an option that there is not, or an option or a file that does not fit.
    """

    def __init__(self, opt: Mapping[str, Any]) -> None:
        super().__init__()
        self.opt = opt = _checked(without_nulls(opt))
        self.gt_size: int = opt["gt_size"]
        self.crop_size: int = opt.get("crop_size", self.gt_size)
        self.min_gt_size: int = opt.get("min_gt_size", self.gt_size)
        self.kernel_size: int | None = opt.get("kernel_size")
        self.sharp_ratio: float = opt.get("sharp_ratio", 0.0)
        self.degrade_on_device: bool = opt.get("degrade_on_device", False)
        roots = opt["dataroot"] if isinstance(opt["dataroot"], list) else [opt["dataroot"]]
        folders = [FaceFolder(Path(root).expanduser()) for root in roots]
        self.faces = [(folder, face) for folder in folders for face in folder.faces]
        self.space = BlurSpace(**opt.get("blur", {}))
        self.scenarios = read_scenarios(opt["scenarios"]) if "scenarios" in opt else None
        if self.scenarios and _sizes(self.space) != _sizes(BlurSpace()):
            raise ValueError(
                "scenarios are numbers of the default blur space: give each of `blur.factors` as "
                "many values as it has there, or leave it out"
            )
        batch = opt.get("batch_size_per_gpu", 1)
        if len(self) * opt.get("dataset_enlarge_ratio", 1) < batch:
            raise ValueError(
                f"{len(self)} samples do not fill one batch of {batch}: lower batch_size_per_gpu "
                "or raise dataset_enlarge_ratio"
            )
        self._rng: np.random.Generator | None = None
        masked = sum(face.has_mask for _, face in self.faces)
        get_root_logger().info(
            f"{opt.get('name', 'faces')}: {len(self.faces)} faces, {masked} with masks; "
            f"BlurSpace of {len(self.space):,} scenarios"
        )

    def __len__(self) -> int:
        return max(len(self.faces), len(self.scenarios or ()))

    def __getitem__(self, index: int) -> dict[str, Any]:
        folder, face = self.faces[index % len(self.faces)]
        if self.scenarios is None:
            size = self._generator().integers(self.min_gt_size, self.gt_size + 1)
            gt, mask = folder.read(face, int(size), self.min_gt_size)
            sharp = self._generator().random() < self.sharp_ratio
            number = UNTOUCHED if sharp else self.space.sample(self._generator())
            if self.opt.get("use_hflip") and self._generator().random() < 0.5:
                gt, mask = gt[:, ::-1], mask[:, ::-1]
            side = gt.shape[0]
            top, left = self._generator().integers(side - self.crop_size + 1, size=2)
            scenario, psf = self._look_up(number)
            if self.degrade_on_device:
                pictures = self._cut_surroundings(gt, scenario, top, left)
            else:
                pictures = self._cut_pair(gt, scenario, psf.shape[0] // 2, top, left)
            mask = mask[top : top + self.crop_size, left : left + self.crop_size]
        else:
            gt, mask = folder.read(face, self.gt_size)
            side, top, left = gt.shape[0], 0, 0
            number = self.scenarios[index % len(self.scenarios)]
            scenario, psf = self._look_up(number)
            pictures = _pair(scenario.apply(gt), gt)
        sample = {
            **pictures,
            "mask": torch.from_numpy(mask.astype(np.int64)),
            "has_mask": face.has_mask,
            "face_box": torch.tensor([-left, -top, side], dtype=torch.float32),
            "scenario": number,
            "lq_path": f"{face.name}_{number}.png",  # BasicSR takes a suffix off
            "gt_path": str(folder.root / face.name),
        }
        if self.kernel_size:
            sample["kernel"] = torch.from_numpy(fit_kernel(psf, self.kernel_size))
        return sample

    def _look_up(self, number: int) -> tuple[Scenario | None, Kernel]:
        """The scenario and its point spread function."""
        if number == UNTOUCHED:
            return None, IDENTITY
        scenario = self.space[number]
        return scenario, scenario.psf()

    def _cut_pair(
        self,
        gt: NDArray[np.uint8],
        scenario: Scenario | None,
        radius: int,
        top: int,
        left: int,
    ) -> dict[str, Tensor]:
        """`lq` and `gt` of the crop with this corner, blurred with the pixels around it that reach
        into it."""
        size = self.crop_size
        inside = np.s_[top : top + size, left : left + size]
        if scenario is None:
            return _pair(gt[inside], gt[inside])
        y, x = max(top - radius, 0), max(left - radius, 0)
        around = gt[y : top + size + radius, x : left + size + radius]
        blurry = scenario.apply(np.ascontiguousarray(around))
        lq = blurry[top - y : top - y + size, left - x : left - x + size]
        return _pair(lq, gt[inside])

    def _cut_surroundings(
        self,
        gt: NDArray[np.uint8],
        scenario: Scenario | None,
        top: int,
        left: int,
    ) -> dict[str, Any]:
        """The same crop as `surroundings` and `degradation`, for blur_batch.degrade_inside."""
        margin = self.space.margin
        size = self.crop_size + 2 * margin
        around = cv2.copyMakeBorder(gt, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
        crop = around[top : top + size, left : left + size, ::-1].transpose(2, 0, 1)
        return {
            "surroundings": torch.from_numpy(np.ascontiguousarray(crop)),
            "degradation": describe(scenario, self.space.reach),
        }

    def _generator(self) -> np.random.Generator:
        """One stream a worker and epoch, from PyTorch's worker seed: reproducible under the run's
        seed; BasicSR's own worker seeds would repeat the same draws at every epoch."""
        if self._rng is None:
            worker = get_worker_info()
            self._rng = np.random.default_rng(worker.seed if worker else torch.initial_seed())
        return self._rng


def _checked(opt: dict[str, Any]) -> dict[str, Any]:
    """The options, of which each is one that is read and has a value that fits."""
    name = opt.get("name", "faces")
    if not isinstance(name, str):
        raise ValueError(f"data set name {name!r} is no text; put it in quotes")
    check_names(f"data set {name}", opt, OPTIONS + LOADER_OPTIONS)
    check_values(f"data set {name}", opt)
    random = [option for option in RANDOM_OPTIONS if "scenarios" in opt and opt.get(option)]
    if random:
        raise ValueError(f"{', '.join(random)}: not for a fixed set, one with scenarios")
    for option in ("gt_size", "min_gt_size", "crop_size", "kernel_size"):
        if not isinstance(opt.get(option, 1), int):
            raise ValueError(f"{option} {opt[option]!r} is no whole number of pixels")
    most = opt["gt_size"]
    least = opt.get("min_gt_size", most)
    crop = opt.get("crop_size", most)
    if not 0 < crop <= least <= most:
        raise ValueError(
            f"crop_size {crop} must be above 0 and at most min_gt_size {least}, and that at most "
            f"gt_size {most}"
        )
    kernel = opt.get("kernel_size", 1)
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel_size {kernel} is not an odd number of pixels")
    if not 0 <= opt.get("sharp_ratio", 0) <= 1:
        raise ValueError(f"sharp_ratio {opt['sharp_ratio']} is not in [0, 1]")
    return opt


def _sizes(space: BlurSpace) -> list[int]:
    """How many values each factor has, in order: what numbering depends on."""
    return [len(values) for values in space.factors.values()]


def _pair(lq: NDArray[np.uint8], gt: NDArray[np.uint8]) -> dict[str, Tensor]:
    lq, gt = img2tensor([image.astype(np.float32) / 255 for image in (lq, gt)])
    return {"lq": lq, "gt": gt}
