"""A benchmark's results, small and known, without running one; code from a file."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smfd_plugin.benchmark.costs import Cost
from smfd_plugin.benchmark.datasets import Entry, Sample
from smfd_plugin.benchmark.intervals import Interval
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
