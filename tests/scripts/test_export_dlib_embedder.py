"""The script that makes a network for IdentityLoss, with weights whose answer can be worked out."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from smfd_plugin.losses import IdentityLoss

SCRIPT = Path(__file__).parents[2] / "scripts/export_dlib_embedder.py"

BLOCKS = {
    **{f"conv32_{i}": (32, 32) for i in (1, 2, 3)},
    "conv64_down": (32, 64),
    **{f"conv64_{i}": (64, 64) for i in (1, 2, 3)},
    "conv128_down": (64, 128),
    **{f"conv128_{i}": (128, 128) for i in (1, 2)},
    "conv256_down": (128, 256),
    **{f"conv256_{i}": (256, 256) for i in (1, 2)},
    "conv256_down_out": (256, 256),
}


def write_weights(folder):
    """Blocks that only pass on what they get, behind a convolution of which channel 0 is 1 and
    channel 1 the red of the pixel in the middle of its 7x7, in [0, 1]."""
    arrays = {}

    def add(name, size, before, after):
        arrays[f"{name}/conv/filters"] = np.zeros((size, size, before, after), np.float32)
        arrays[f"{name}/conv/bias"] = np.zeros(after, np.float32)
        arrays[f"{name}/scale/weights"] = np.full(after, 2, np.float32)
        arrays[f"{name}/scale/biases"] = np.zeros(after, np.float32)
        # The exporter writes equal arrays once, which onnx2torch does not expect. The last channel
        # is 0 whatever it gets from itself.
        arrays[f"{name}/conv/filters"][0, 0, -1, -1] = len(arrays) / 8
        arrays[f"{name}/scale/biases"][-1] = -len(arrays)

    add("conv32_down", 7, 3, 32)
    arrays["conv32_down/conv/filters"][3, 3, 0, 1] = 0.5
    arrays["conv32_down/scale/biases"][:2] = 1, 122.782 / 255
    for name, (before, after) in BLOCKS.items():
        add(f"{name}/conv1", 3, before, after)
        add(f"{name}/conv2", 3, after, after)
    arrays["fc"] = np.eye(256, 128, dtype=np.float32)

    entries, data = [], b""
    for name, array in arrays.items():
        entry = {"name": name, "shape": array.shape, "dtype": "float32"}
        if "filters" in name and "conv64" not in name:
            entry["quantization"] = {"dtype": "uint8", "scale": 0.125, "min": 0.0}
            data += np.uint8(array / 0.125).tobytes()
        else:
            data += array.tobytes()
        entries.append(entry)
    manifest = json.dumps([{"weights": entries}])
    (folder / "face_recognition_model-weights_manifest.json").write_text(manifest)
    (folder / "face_recognition_model.bin").write_bytes(data)


def test_gives_dlibs_network_dlibs_crop(tmp_path):
    write_weights(tmp_path)
    file = tmp_path / "embedder.onnx"
    subprocess.run([sys.executable, SCRIPT, tmp_path, file], check=True, capture_output=True)
    face = torch.full((1, 3, 168, 168), -1.0)
    face[..., 30:, 9:159] = 0.2
    embedding = IdentityLoss(file).embedder(face)[0]
    # Of the 4x4 pixels in the end, the zeros that pad a smaller branch make none smaller.
    assert embedding[:2].tolist() == pytest.approx([1, 0.6], abs=1e-5)
    assert not embedding[2:].any()


def test_mistakes_are_named_and_nothing_is_overwritten(tmp_path):
    def run(folder, file):
        command = [sys.executable, SCRIPT, folder, file]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        return done.stderr

    file = tmp_path / "embedder.onnx"
    wanted = "does not hold face-api's recognition model"
    assert wanted in run(tmp_path / "nowhere", file)
    write_weights(tmp_path)
    (tmp_path / "face_recognition_model.bin").write_bytes(b"short")
    assert wanted in run(tmp_path, file)
    assert not file.exists()
    file.write_text("mine")
    assert "is already there" in run(tmp_path, file)
    assert file.read_text() == "mine"
