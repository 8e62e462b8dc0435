"""A small training set and option file for real, short training runs."""

from pathlib import Path
from typing import Any

import cv2
import pytest
import yaml
from skimage import data


def small_options(faces: Path) -> dict[str, Any]:
    """Options of a run of a few seconds: one face of 64 pixels, a tiny network."""
    dataset = {"type": "FaceBlurDataset", "dataroot": str(faces), "gt_size": 64}
    loss = {"loss_weight": 1.0}
    return {
        "name": "small",
        "model_type": "SMFDModel",
        "scale": 1,
        "num_gpu": 0,
        "manual_seed": 0,
        "find_unused_parameters": True,
        "datasets": {
            "train": dataset
            | {
                "name": "train",
                "crop_size": 32,
                "batch_size_per_gpu": 4,
                "num_worker_per_gpu": 0,
                "dataset_enlarge_ratio": 100,
            },
            "val": dataset | {"name": "val", "scenarios": str(faces / "scenarios.txt")},
        },
        "network_g": {
            "type": "SMFDUNet",
            "widths": [8, 12, 16, 16],
            "growths": [4, 4, 8, 8],
            "encoder_blocks": [1, 1, 1, 1],
            "decoder_blocks": [1, 1, 1],
            "mask_widths": [8, 8, 8, 8],
        },
        "path": {"pretrain_network_g": None, "strict_load_g": True, "resume_state": None},
        "train": {
            "total_iter": 6,
            "mask_warmup_iter": 2,
            "ema_decay": 0.9,
            "grad_clip": 1.0,
            "part_weight": 2.0,
            "optim_g": {"type": "AdamW", "lr": 2e-3},
            "scheduler": {
                "type": "CosineAnnealingRestartLR",
                "periods": [100_000],
                "restart_weights": [1],
            },
            "pixel_opt": {"type": "L1Loss", **loss},
            "frequency_opt": {"type": "FrequencyLoss", **loss},
            "mask_opt": {"type": "MaskLoss", **loss},
        },
        "val": {
            "val_freq": 3,
            "save_img": False,
            "suffix": None,
            "metrics": {"psnr": {"type": "calculate_psnr", "crop_border": 0}},
        },
        "logger": {"print_freq": 1, "save_checkpoint_freq": 2, "use_tb_logger": True},
        "dist_params": {"backend": "nccl", "port": 29500},
    }


@pytest.fixture
def face_folder(tmp_path: Path) -> Path:
    """One portrait with a mask, and a scenario list of two numbers."""
    root = tmp_path / "faces"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    face = cv2.resize(data.astronaut()[0:220, 120:340, ::-1], (64, 64))
    cv2.imwrite(str(root / "images/a.png"), face)
    labels = cv2.inRange(face, (0, 60, 110), (255, 255, 255)) // 255  # bright: skin
    labels[20:28, 20:44] = 4  # left eye
    cv2.imwrite(str(root / "masks/a.png"), labels)
    (root / "scenarios.txt").write_text("123456789\n987654321\n")
    return root


@pytest.fixture
def options(face_folder: Path) -> dict[str, Any]:
    return small_options(face_folder)


def write_options(path: Path, options: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(options, sort_keys=False))
    return path
