"""A small benchmark to run, the results of one without running it, a film, code from a file."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

from smfd_plugin import pipeline
from smfd_plugin.benchmark.costs import Cost
from smfd_plugin.benchmark.datasets import Entry, Sample
from smfd_plugin.benchmark.intervals import Interval
from smfd_plugin.benchmark.methods import METHODS, Method
from smfd_plugin.benchmark.moving_faces import SwayingPortraits, load_portraits, make_film
from smfd_plugin.benchmark.options import Options, Timing
from smfd_plugin.benchmark.results import DatasetResult, Results, Row
from smfd_plugin.data.pictures import write_picture

COLOURS = {"input": (0, 0, 255), "smfd": (255, 0, 0), "sharp": (0, 255, 0)}
"""BGR of the pictures: red before, blue after, green in truth."""


def plain(name: str, size: int = 64) -> np.ndarray:
    return np.full((size, size, 3), COLOURS[name], np.uint8)


@pytest.fixture
def known_options() -> Options:
    methods = {name: {"type": "input"} for name in ("input", "smfd", "gfpgan")}
    return Options(
        name="small",
        seed=7,
        device=torch.device("cpu"),
        download=False,
        weights=Path("weights"),
        reference="smfd",
        methods=methods,
        datasets={},
        metrics={},
        timing=Timing(size=64, rounds=3),
        pictures=2,
    )


@pytest.fixture
def known_results(tmp_path: Path) -> Results:
    """Two methods that ran on two faces, one that did not, and a data set that is not there."""
    sample = Sample(plain("input"), plain("sharp"))
    entries = [Entry(name, name, lambda: sample) for name in ("first", "second")]
    dataset = DatasetResult(tmp_path / "faces", entries)
    dataset.rows = {
        "input": Row(
            scores={"psnr": Interval(25.0, 24.0, 26.0), "lpips": Interval(0.3, 0.25, 0.35)},
            differences={"psnr": Interval(-2.5, -3.0, -2.0), "lpips": Interval(0.1, 0.05, 0.15)},
        ),
        "smfd": Row(scores={"psnr": Interval(27.5, 26.0, 29.0), "lpips": Interval(0.2, 0.1, 0.3)}),
        "gfpgan": Row("weights/GFPGANv1.4.pth is not here; get it from <https://x.org>"),
    }
    for method in ("input", "smfd"):
        (dataset.folder / method).mkdir(parents=True)
        for entry in entries:
            write_picture(dataset.restored(method, entry), plain(method))
    return Results(
        datasets={"faces": dataset, "others": DatasetResult(tmp_path, reason="no pictures")},
        costs={
            "input": Cost(None, None, 0.5, 1.0),
            "smfd": Cost(4_500_000, 30 * 10**9, 250.0, None),
        },
        digests={"smfd": "abc"},
        lower={"psnr": False, "lpips": True, "niqe": True},
        notes=["niqe not measured: too small"],
        seconds={"restoring": 1.25},
    )


@pytest.fixture
def from_file(monkeypatch):
    """Imports `code` from a file and gives what it calls `name`."""

    def load(path: Path, name: str, code: str) -> Any:
        path.write_text(code)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, path.stem, module)
        spec.loader.exec_module(module)
        return getattr(module, name)

    return load


@pytest.fixture
def write_faces(astronaut):
    """Writes parts of a portrait of 64x64 pixels, one for each letter, as a folder of faces."""

    def write(root: Path, names: str) -> Path:
        (root / "images").mkdir(parents=True)
        for i, name in enumerate(names):
            face = cv2.resize(astronaut[8 * i : 8 * i + 220, 115:335], (64, 64))
            cv2.imwrite(str(root / f"images/{name}.png"), face)
        return root

    return write


@pytest.fixture
def options(tmp_path, tiny_weights, write_faces) -> dict[str, Any]:
    """Two faces, a network that takes no time."""
    write_faces(tmp_path / "faces", "ab")
    (tmp_path / "scenarios.txt").write_text("123456789\n987654321\n")
    return {
        "name": "small",
        "num_gpu": 0,
        "manual_seed": 3,
        "reference": "smfd",
        "pictures": 1,
        "datasets": {
            "test": {
                "name": "faces",
                "type": "blurred",
                "dataroot": "faces",
                "size": 64,
                "scenarios": "scenarios.txt",
            }
        },
        "methods": {
            "input": {"type": "input"},
            "smfd": {"type": "smfd", "weights": str(tiny_weights)},
        },
        "metrics": {
            "psnr": {"type": "calculate_psnr", "crop_border": 0},
            "ssim": {"type": "calculate_ssim", "crop_border": 0},
        },
        "path": {"weights": "weights"},
    }


@pytest.fixture
def benchmark(tmp_path, monkeypatch, capsys):
    """Runs a benchmark in `tmp_path`; returns its exit code, its table.json and its errors."""
    monkeypatch.chdir(tmp_path)

    def run(options: dict | Path, *flags: str) -> tuple[int, dict, list[str]]:
        monkeypatch.setattr(sys, "argv", ["basicsr"])  # restored after the test
        file = options
        if isinstance(options, dict):
            file = tmp_path / "options.yml"
            file.write_text(yaml.safe_dump(options, sort_keys=False))
        code = pipeline.main(["benchmark", "-opt", str(file), *flags])
        lines = capsys.readouterr().err.splitlines()
        tables = list(tmp_path.glob("results/benchmark/*/table.json"))
        values = json.loads(tables[0].read_text()) if tables else {}
        return code, values, [line for line in lines if line.startswith("basicsr: ")]

    return run


@pytest.fixture
def counted(monkeypatch):
    """A type of method that leaves faces as they are and counts them; it fails once it has restored
    `fail_after` of them."""
    calls: dict[str, Any] = {"count": 0, "fail_after": None}

    def restore(sample):
        if calls["count"] == calls["fail_after"]:
            raise RuntimeError("out of luck")
        calls["count"] += 1
        return sample.lq

    monkeypatch.setitem(METHODS, "counted", lambda context: Method(restore))
    return calls


@pytest.fixture(scope="package")
def film() -> SwayingPortraits:
    """Three small frames with one portrait."""
    return make_film(load_portraits(None, 1), 320, 240, 200, 3)
