"""What tests of several packages share."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from skimage import data

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.weights.difface import build_difface

SHARED = Path(__file__).resolve().parents[2] / "shared"

TINY = {
    "widths": (8, 12, 16, 16),
    "growths": (4, 4, 8, 8),
    "encoder_blocks": (1, 1, 1, 1),
    "decoder_blocks": (1, 1, 1),
    "mask_widths": (8, 8, 8, 8),
    "kernel_widths": (4, 8),
}
"""Hyper-parameters of a network that takes no time."""

TINY_DIFFACE = {
    "estimator": {"type": "SRCNNEstimator", "width": 8, "depth": 1},
    "prior": {
        "type": "DiffusionUNet",
        "image_size": 32,
        "channel_mult": [1, 1],
        "num_res_blocks": 1,
        "attention_resolutions": [],
        "num_head_channels": 32,
    },
    "steps": 10,
    "start": 2,
    "eta": 0.5,
}
"""The same of a DifFace, for faces of 32 pixels."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {}
    if not SHARED.is_dir():
        reasons["shared"] = f"no folder {SHARED}"
    if not torch.cuda.is_available():
        reasons["gpu"] = "no CUDA device"
    for item in items:
        for marker, reason in reasons.items():
            if marker in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real faces and clips, for tests marked `shared`."""
    return SHARED


@pytest.fixture
def close_eyes() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Paints skin from below the eyes over them, with a soft edge.

    It takes a picture (H, W, C) and the landmarks of its face, (5, 2).
    """

    def run(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
        distance = np.hypot(*(landmarks[1] - landmarks[0]))
        skin = np.roll(picture, -round(0.33 * distance), 0).astype(np.float32)
        for u, v in landmarks[:2]:
            lid = ((x - u) / (0.28 * distance)) ** 2 + ((y - v) / (0.16 * distance)) ** 2
            lid = (4 * (1 - lid) + 0.5).clip(0, 1)[..., None]
            picture = (picture + lid * (skin - picture)).astype(picture.dtype)
        return picture

    return run


@pytest.fixture
def as_set() -> Iterator[Callable[[int, Any], None]]:
    """Sets what a signal does, whatever whoever started the tests has set, until the test ends."""
    before = {}

    def set_signal(number, action):
        before[number] = signal.signal(number, action)

    yield set_signal
    for number, action in before.items():
        signal.signal(number, action)


@pytest.fixture
def astronaut() -> np.ndarray:
    """A portrait with one face, (512, 512, 3) uint8 BGR."""
    return np.ascontiguousarray(data.astronaut()[..., ::-1])


@pytest.fixture
def tiny_net() -> SMFDUNet:
    """A small network that changes its input a little; always the same one."""
    torch.manual_seed(0)
    net = SMFDUNet(**TINY)
    torch.nn.init.normal_(net.tail.weight, std=0.02)
    torch.nn.init.normal_(net.deconvolution.stem.weight, std=0.1)
    return net.eval()


@pytest.fixture
def tiny_weights(tiny_net: SMFDUNet, tmp_path: Path) -> Path:
    """A weights file of `tiny_net`."""
    path = tmp_path / "tiny.pth"
    torch.save({"params": tiny_net.state_dict(), "network": {"type": "SMFDUNet", **TINY}}, path)
    return path


@pytest.fixture
def one_class_weights(tmp_path: Path) -> Path:
    """A weights file of a network whose masks have a single class."""
    network, path = TINY | {"num_classes": 1}, tmp_path / "one.pth"
    params = SMFDUNet(**network).state_dict()
    torch.save({"params": params, "network": {"type": "SMFDUNet", **network}}, path)
    return path


@pytest.fixture
def tiny_difface(tmp_path: Path) -> Path:
    """A weights file of a DifFace with random weights."""
    torch.manual_seed(0)
    difface = build_difface(**TINY_DIFFACE)
    torch.nn.init.normal_(difface.prior.out[-1].weight, std=0.02)
    path = tmp_path / "difface.pth"
    network = {"type": "DifFace", **TINY_DIFFACE}
    torch.save({"params": difface.state_dict(), "network": network}, path)
    return path


@pytest.fixture
def colour_embedder(tmp_path: Path) -> Callable[..., Path]:
    """Writes, for pictures of any (height, width), a face-recognition network whose answer can be
    worked out by hand: the mean of red, and twice the mean of green."""

    def write(height: int = 112, width: int = 112) -> Path:
        nodes = [
            helper.make_node("ReduceMean", ["face"], ["colour"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["colour", "weights"], ["embedding"]),
        ]
        weights = np.array([[1, 0], [0, 2], [0, 0]], np.float32)
        graph = helper.make_graph(
            nodes,
            "colours",
            [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 3, height, width])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 2])],
            [onnx.numpy_helper.from_array(weights, "weights")],
        )
        path = tmp_path / f"colours_{height}x{width}.onnx"
        version = helper.make_opsetid("", 17)
        onnx.save(helper.make_model(graph, opset_imports=[version], ir_version=10), path)
        return path

    return write


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
