import copy
from functools import partial

import cv2
import numpy as np
import torch
from basicsr.utils.registry import ARCH_REGISTRY
from torch import nn

from smfd_plugin.benchmark import restoring
from smfd_plugin.benchmark.datasets import DATASETS
from smfd_plugin.benchmark.measures import OWN_METRICS, SetMeasure
from smfd_plugin.benchmark.methods import METHODS, Method


def test_it_goes_on_where_it_stopped(benchmark, options, counted):
    options["methods"]["counted"] = {"type": "counted"}
    counted["fail_after"] = 1
    _, values, _ = benchmark(options)
    rows = values["datasets"]["faces"]["methods"]
    assert rows["counted"] == {"reason": "out of luck", "scores": {}, "differences": {}}
    assert rows["smfd"]["scores"]["psnr"][0] > 10  # one that fails leaves the others' results

    counted["fail_after"] = None
    _, values, _ = benchmark(options)
    rows = values["datasets"]["faces"]["methods"]
    assert counted["count"] == 2  # one face then, the other now
    assert rows["counted"]["scores"] == rows["input"]["scores"]
    benchmark(options)
    assert counted["count"] == 2


def test_other_options_or_weights_start_anew(benchmark, options, counted, tmp_path, tiny_net):
    options["methods"]["counted"] = {"type": "counted"}
    _, before, _ = benchmark(options)
    benchmark(options | {"metrics": {"psnr": {"type": "calculate_psnr", "crop_border": 4}}})
    assert counted["count"] == 2  # another metric needs no other faces
    changed = copy.deepcopy(options)
    changed["datasets"]["test"]["size"] = 48
    _, after, _ = benchmark(changed)
    assert counted["count"] == 4
    scores = [each["datasets"]["faces"]["methods"]["smfd"]["scores"] for each in (before, after)]
    assert scores[0] != scores[1]


def test_more_faces_of_a_set_are_restored_beside_those_that_are_there(
    benchmark, options, counted, tmp_path, monkeypatch
):
    def light() -> SetMeasure:  # of all faces together, so another one for other faces
        return SetMeasure(lambda pairs: float(np.mean([restored for restored, _ in pairs])))

    monkeypatch.setitem(OWN_METRICS, "light", light)
    options["methods"]["counted"] = {"type": "counted"}
    options["metrics"]["light"] = {"type": "light"}
    options["datasets"]["test"]["limit"] = 1
    one = benchmark(options)[1]["datasets"]["faces"]["methods"]["counted"]["scores"]
    assert counted["count"] == 1
    options["datasets"]["test"] |= {"limit": 2, "parts": True}
    two = benchmark(options)[1]["datasets"]["faces"]["methods"]["counted"]["scores"]
    assert counted["count"] == 2
    assert one["light"] != two["light"]
    assert one["psnr"] != two["psnr"]
    options["datasets"]["test"]["limit"] = 1
    again = benchmark(options)[1]["datasets"]["faces"]["methods"]["counted"]["scores"]
    assert counted["count"] == 2
    assert again == one


def test_other_faces_of_the_same_names_start_anew(benchmark, options, counted, tmp_path):
    options["methods"]["counted"] = {"type": "counted"}
    _, before, _ = benchmark(options)
    face = cv2.imread(str(tmp_path / "faces/images/a.png"))
    cv2.imwrite(str(tmp_path / "faces/images/a.png"), face[::-1])
    _, after, _ = benchmark(options)
    assert counted["count"] == 4
    scores = [each["datasets"]["faces"]["methods"]["counted"]["scores"] for each in (before, after)]
    assert scores[0] != scores[1]


def test_other_code_of_a_network_restores_anew(
    benchmark, options, tmp_path, monkeypatch, from_file
):
    torch.save({"params": {"gain": torch.ones(1)}}, tmp_path / "one.pth")
    options["methods"] = {
        "smfd": {"type": "basicsr", "network": {"type": "Shade"}, "weights": "one.pth"}
    }
    scores = []
    for part in (0.5, 0.25):
        network = from_file(tmp_path / "shade_arch.py", "Shade", f"""
import torch
from torch import nn
class Shade(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(1))
    def forward(self, x):
        return x * {part} * self.gain
""")  # fmt: skip
        monkeypatch.setitem(ARCH_REGISTRY._obj_map, "Shade", network)
        _, values, _ = benchmark(options)
        scores.append(values["datasets"]["faces"]["methods"]["smfd"]["scores"]["psnr"][0])
    assert scores[0] > scores[1] + 1


def test_other_code_of_a_method_without_a_network_restores_anew(
    benchmark, options, tmp_path, monkeypatch, from_file
):
    options["methods"] = {"smfd": {"type": "shade"}}
    scores = []
    for part in (2, 4):
        method = from_file(tmp_path / "shade.py", "shade", f"""
from smfd_plugin.benchmark.methods import Method
def shade(context):
    return Method(lambda sample: sample.lq // {part})
""")  # fmt: skip
        monkeypatch.setitem(METHODS, "shade", method)
        _, values, _ = benchmark(options)
        scores.append(values["datasets"]["faces"]["methods"]["smfd"]["scores"]["psnr"][0])
    assert scores[0] > scores[1] + 1


def test_other_code_of_a_part_of_a_network_restores_anew(
    benchmark, options, tmp_path, monkeypatch, from_file
):
    torch.save({"params": {"0.gain": torch.ones(1)}}, tmp_path / "one.pth")
    options["methods"] = {
        "smfd": {"type": "basicsr", "network": {"type": "Shaded"}, "weights": "one.pth"}
    }
    (tmp_path / "blocks").mkdir()
    scores = []
    for part in (0.5, 0.25):
        block = from_file(tmp_path / "blocks/shade_block.py", "Block", f"""
import torch
from torch import nn
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(1))
    def forward(self, x):
        return x * {part} * self.gain
""")  # fmt: skip
        network = partial(nn.Sequential, block())
        monkeypatch.setitem(ARCH_REGISTRY._obj_map, "Shaded", network)
        _, values, _ = benchmark(options)
        scores.append(values["datasets"]["faces"]["methods"]["smfd"]["scores"]["psnr"][0])
    assert scores[0] > scores[1] + 1


def test_other_code_of_what_a_method_calls_restores_anew(
    benchmark, options, tmp_path, monkeypatch, from_file
):
    (tmp_path / "calls").mkdir()
    options["methods"] = {"smfd": {"type": "called"}}
    scores = []
    for part in (2, 4):
        shade = from_file(
            tmp_path / "calls/shade.py", "shade", f"def shade(face):\n    return face // {part}\n"
        )

        def called(context, shade=shade):
            return Method(lambda sample: shade(sample.lq), calls=(shade,))

        monkeypatch.setitem(METHODS, "called", called)
        _, values, _ = benchmark(options)
        scores.append(values["datasets"]["faces"]["methods"]["smfd"]["scores"]["psnr"][0])
    assert scores[0] > scores[1] + 1


def test_other_code_of_a_data_set_restores_anew(
    benchmark, options, counted, tmp_path, monkeypatch, from_file
):
    (tmp_path / "data").mkdir()
    options["methods"]["counted"] = {"type": "counted"}
    options["datasets"] = {"test": {"name": "faces", "type": "dimmed"}}
    scores = []
    for part in (2, 2, 4):
        dataset = from_file(tmp_path / "data/dimmed.py", "dimmed", f"""
import numpy as np
from smfd_plugin.benchmark.datasets import Entry, Sample
def dimmed():
    gt = np.full((64, 64, 3), 200, np.uint8)
    return [Entry("a", "a", lambda: Sample(gt // {part}, gt))]
""")  # fmt: skip
        monkeypatch.setitem(DATASETS, "dimmed", dataset)
        _, values, _ = benchmark(options)
        scores.append(values["datasets"]["faces"]["methods"]["input"]["scores"]["psnr"][0])
    assert counted["count"] == 2
    assert scores[0] == scores[1] > scores[2]


def test_other_code_of_the_blur_restores_anew(
    benchmark, options, counted, tmp_path, monkeypatch, from_file
):
    options["methods"]["counted"] = {"type": "counted"}
    (tmp_path / "blur").mkdir()
    for width in (1, 1, 2):
        code = f"class BlurSpace:\n    width = {width}\n"
        space = from_file(tmp_path / "blur/space.py", "BlurSpace", code)
        monkeypatch.setattr(restoring, "BlurSpace", space)
        assert benchmark(options)[0] == 0
    assert counted["count"] == 4


def test_changed_files_among_the_weights_are_seen(options, benchmark, tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    settings = tmp_path / "weights/shade.txt"
    shades = []

    def shade(context, *, weights):
        def restore(sample):
            shades.append(settings.read_text())
            return sample.lq

        return Method(restore)

    monkeypatch.setitem(METHODS, "shade", shade)
    options["methods"] = {"shade": {"type": "shade", "weights": "shade.txt"}}
    options["reference"] = "shade"
    for text in ("dark", "dark", "bright"):
        if not settings.exists() or settings.read_text() != text:
            settings.write_text(text)
        assert benchmark(options)[0] == 0
    assert shades == ["dark"] * 2 + ["bright"] * 2
