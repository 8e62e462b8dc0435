"""`basicsr benchmark -opt FILE.yml` as its user calls it."""

import copy
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from basicsr.utils.registry import ARCH_REGISTRY, METRIC_REGISTRY
from filelock import FileLock
from torch import nn

from smfd_plugin import pipeline
from smfd_plugin.benchmark import restoring
from smfd_plugin.benchmark.datasets import DATASETS
from smfd_plugin.benchmark.measures import OWN_METRICS, SetMeasure
from smfd_plugin.benchmark.methods import METHODS, Method
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.weights import read_checkpoint, save_weights

QUICK = Path(__file__).resolve().parents[2] / "options/benchmark_quick.yml"

OUTPUTS = {"table.md", "table.json", "figure.png", "bars.png", "tradeoff.png", "report.html"}


def write_faces(root: Path, astronaut, names: str) -> Path:
    (root / "images").mkdir(parents=True)
    for i, name in enumerate(names):
        face = cv2.resize(astronaut[8 * i : 8 * i + 220, 115:335], (64, 64))
        cv2.imwrite(str(root / f"images/{name}.png"), face)
    return root


@pytest.fixture
def options(tmp_path, tiny_weights, astronaut) -> dict[str, Any]:
    """Two faces, a network that takes no time."""
    write_faces(tmp_path / "faces", astronaut, "ab")
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


def test_the_missing_extra_is_one_line(options, benchmark, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for name in ("command", "report"):
        monkeypatch.delitem(sys.modules, f"smfd_plugin.benchmark.{name}", raising=False)
    code, _, errors = benchmark(options)
    remedy = "basicsr: jinja2 is not installed: pip install 'smfd-plugin[benchmark]'"
    assert (code, errors) == (2, [remedy])


def test_the_quick_file_runs_with_two_faces(benchmark, tmp_path, astronaut):
    write_faces(tmp_path / "datasets/heldout", astronaut, "ab")
    code, values, errors = benchmark(
        QUICK, "--force_yml", "datasets:test_1:limit=1", "datasets:test_1:size=128",
        "datasets:test_2:limit=2", "datasets:test_2:size=128", "timing:size=64", "timing:rounds=1",
    )  # fmt: skip
    assert (code, errors) == (0, [])
    folder = tmp_path / "results/benchmark/quick"
    assert {path.name for path in folder.iterdir() if path.is_file()} == OUTPUTS
    faces = values["datasets"]["faces"]
    assert (faces["pairs"], faces["faces"], faces["reason"]) == (2, 2, None)
    assert set(faces["methods"]) == {"input", "smfd", "wiener", "richardson_lucy"}
    for row in faces["methods"].values():
        assert row["reason"] is None
        assert row["scores"]["psnr"][0] > 10
    assert values["costs"]["smfd"]["flops"] > 1e8
    assert values["costs"]["wiener"]["flops"] is None
    assert values["datasets"]["astronaut"]["methods"]["smfd"]["scores"]["psnr"][1] is None


def test_scores_are_those_of_the_faces(benchmark, options, tmp_path):
    code, values, _ = benchmark(options)
    assert code == 0
    folder = tmp_path / "results/benchmark/small/faces/faces/smfd"
    files = sorted(folder.glob("*.png"))
    assert [file.stem for file in files] == ["a_123456789", "b_987654321"]
    expected = [
        cv2.PSNR(cv2.imread(str(file)), cv2.imread(str(tmp_path / f"faces/images/{name}.png")))
        for file, name in zip(files, "ab", strict=True)
    ]
    score = values["datasets"]["faces"]["methods"]["smfd"]["scores"]["psnr"]
    assert score[0] == pytest.approx(sum(expected) / 2, abs=1e-6)
    assert score[1:] == [None, None]  # too few faces
    difference = values["datasets"]["faces"]["methods"]["input"]["differences"]["psnr"][0]
    of_input = values["datasets"]["faces"]["methods"]["input"]["scores"]["psnr"][0]
    assert difference == pytest.approx(of_input - score[0])


def test_parts_are_reported_with_their_own_scores(benchmark, options, tmp_path):
    numbers = {"a": 123456789, "b": 10**12}
    kinds = {name: BlurSpace()[number].kind for name, number in numbers.items()}
    assert kinds["a"] != kinds["b"]
    (tmp_path / "scenarios.txt").write_text("\n".join(map(str, numbers.values())))
    options["datasets"]["test"]["parts"] = True
    _, values, _ = benchmark(options)
    faces = values["datasets"]["faces"]
    folder = tmp_path / "results/benchmark/small/faces/faces/smfd"
    for name, kind in kinds.items():
        restored = cv2.imread(str(folder / f"{name}_{numbers[name]}.png"))
        part = faces["parts"][kind]
        assert part["pairs"] == 1
        assert part["methods"]["smfd"]["scores"]["psnr"][0] == pytest.approx(
            cv2.PSNR(restored, cv2.imread(str(tmp_path / f"faces/images/{name}.png")))
        )
    text = (tmp_path / "results/benchmark/small/table.md").read_text()
    assert "| part (samples) | method | psnr ↑ | ssim ↑ |" in text
    assert f"| {kinds['a']} (1) | smfd |" in text
    assert "| part (samples) | minus smfd |" in text


def test_sharp_faces_show_harm(benchmark, options):
    options["datasets"]["test"] = {
        "name": "sharp", "type": "sharp", "dataroot": "faces", "size": 64
    }  # fmt: skip
    code, values, errors = benchmark(options)
    assert (code, errors) == (0, [])
    rows = values["datasets"]["sharp"]["methods"]
    assert rows["input"]["scores"]["psnr"][0] is None  # infinite
    assert 5 < rows["smfd"]["scores"]["psnr"][0] < 60


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


def test_without_a_seed_it_goes_on_too(benchmark, options, counted):
    options["methods"]["counted"] = {"type": "counted"}
    del options["manual_seed"]
    seeds = {benchmark(options)[1]["seed"] for _ in range(2)}
    assert len(seeds) == 1
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


def test_other_code_of_a_metric_measures_anew(benchmark, options, tmp_path, monkeypatch, from_file):
    options["metrics"] = {"own": {"type": "own"}}
    scores = []
    for value in (1.5, 2.25):
        code = f"def own(img, img2):\n    return {value}\n"
        metric = from_file(tmp_path / "own.py", "own", code)
        monkeypatch.setitem(METRIC_REGISTRY._obj_map, "own", metric)
        _, values, _ = benchmark(options)
        scores.append(values["datasets"]["faces"]["methods"]["smfd"]["scores"]["own"][0])
    assert scores == [1.5, 2.25]


def test_masks_of_another_network_are_measured_again(benchmark, options, tmp_path, tiny_net):
    options["metrics"] = {"miou": {"type": "mask_miou", "weights": "drawer.pth"}}
    (tmp_path / "faces/masks").mkdir()
    for name in "ab":
        labels = np.zeros((64, 64), np.uint8)
        labels[10:50, 10:50] = 1
        cv2.imwrite(str(tmp_path / f"faces/masks/{name}.png"), labels)
    scores = []
    network = read_checkpoint(options["methods"]["smfd"]["weights"]).network
    draw = tiny_net.mask_generator.head.expand
    for number in (0, 1):  # draws that class everywhere
        with torch.no_grad():
            draw.weight.zero_()
            draw.bias.copy_(torch.arange(len(draw.bias)) // 4 == number)
        save_weights("drawer.pth", tiny_net.state_dict(), network)
        _, values, _ = benchmark(options)
        scores.append(values["datasets"]["faces"]["methods"]["input"]["scores"]["miou"][0])
    assert scores[0] != scores[1]


def test_paths_may_begin_at_home(benchmark, options, counted, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    weights = Path(options["methods"]["smfd"]["weights"])
    (tmp_path / "mine.pth").write_bytes(weights.read_bytes())
    options["methods"] = {
        "smfd": {"type": "smfd", "weights": "~/mine.pth"}, "counted": {"type": "counted"}
    }  # fmt: skip
    options["datasets"]["test"] |= {"dataroot": "~/faces", "scenarios": "~/scenarios.txt"}
    code, values, errors = benchmark(options)
    assert (code, errors) == (0, [])
    assert values["datasets"]["faces"]["methods"]["smfd"]["scores"]["psnr"][0] > 10
    face = cv2.imread(str(tmp_path / "faces/images/a.png"))
    cv2.imwrite(str(tmp_path / "faces/images/a.png"), face[::-1])
    benchmark(options)
    assert counted["count"] == 4  # changed files are seen there, too


def test_a_missing_file_is_a_row_that_says_where_to_get_it(benchmark, options, tmp_path):
    options["methods"]["gfpgan"] = {
        "type": "spandrel", "weights": "GFPGANv1.4.pth", "url": "https://x.org/GFPGANv1.4.pth",
    }  # fmt: skip
    options["datasets"]["test_2"] = {"name": "other", "type": "real", "dataroot_lq": "nowhere"}
    code, values, _ = benchmark(options)
    assert code == 0
    row = values["datasets"]["faces"]["methods"]["gfpgan"]
    assert row["reason"].startswith("weights/GFPGANv1.4.pth is not here; get it from https://x.org")
    assert row["scores"] == {}
    assert values["datasets"]["other"]["reason"] == "no pictures in nowhere"
    text = (tmp_path / "results/benchmark/small/table.md").read_text()
    assert "| gfpgan | not run: weights/GFPGANv1.4.pth is not here" in text


def test_a_reference_that_was_not_run_is_noted(benchmark, options, tmp_path):
    options["methods"]["smfd"]["weights"] = "nowhere.pth"
    code, values, _ = benchmark(options)
    assert code == 0
    assert values["datasets"]["faces"]["methods"]["input"]["differences"] == {}
    (note,) = values["notes"]
    assert note.startswith("faces: differences to smfd, which was not run: no weights file nowhere")
    assert "Differences are" not in (tmp_path / "results/benchmark/small/table.md").read_text()


def test_two_benchmarks_do_not_share_a_folder(benchmark, options, tmp_path):
    folder = tmp_path / "results/benchmark/small"
    (folder / "faces").mkdir(parents=True)
    with FileLock(folder / "faces/.lock"):
        code, values, errors = benchmark(options)
    assert (code, values) == (2, {})
    assert errors == [
        f"basicsr: another benchmark is writing to {folder}; wait for it, or give this one another "
        "name"
    ]
    assert benchmark(options)[0] == 0


def test_a_restored_face_that_is_gone_is_noted(benchmark, options, tmp_path, monkeypatch):
    def careless(img, img2):
        for file in tmp_path.glob("results/benchmark/small/faces/faces/smfd/b_*.png"):
            file.unlink()
        return 0.0

    monkeypatch.setitem(METRIC_REGISTRY._obj_map, "careless", careless)
    options["metrics"] = {"careless": {"type": "careless"}, "psnr": options["metrics"]["psnr"]}
    code, values, _ = benchmark(options)
    assert code == 0
    assert len(values["notes"]) == 2
    for metric, note in zip(options["metrics"], values["notes"], strict=True):
        assert note.startswith(f"faces: {metric} of smfd: ")
        assert note.endswith(
            "b_987654321.png is gone or damaged; run the benchmark again to restore it"
        )
    assert values["datasets"]["faces"]["methods"]["smfd"]["scores"] == {}


def test_without_any_method_there_is_no_report(benchmark, options):
    options["methods"] = {"smfd": {"type": "smfd", "weights": "nowhere.pth"}}
    code, values, errors = benchmark(options)
    assert (code, values) == (2, {})
    assert "no method could be run: smfd: no weights file nowhere.pth" in errors[0]


def test_a_metric_that_cannot_be_measured_is_noted(benchmark, options):
    options["metrics"]["niqe"] = {"type": "calculate_niqe", "crop_border": 0}  # needs 192 pixels
    options["metrics"]["lpips"] = {"type": "calculate_lpips", "backbone": "nowhere.pth"}
    options["metrics"]["fid"] = {"type": "fid", "weights": "nowhere.pth"}
    code, values, _ = benchmark(options)
    assert code == 0
    notes = "\n".join(values["notes"])
    for metric in ("niqe", "lpips", "fid"):
        assert f"{metric} not measured: " in notes
        assert metric not in values["datasets"]["faces"]["methods"]["input"]["scores"]
    assert "no backbone file nowhere.pth" in notes
    assert "NIQE needs two blocks of 96x96 pixels; a picture of 64x64 (without its" in notes


def test_a_metric_that_fails_on_one_data_set_is_measured_on_another(benchmark, options):
    large = options["datasets"]["test"] | {"name": "large", "size": 192}
    options["datasets"]["test_2"] = large
    options["metrics"]["niqe"] = {"type": "calculate_niqe", "crop_border": 0}
    code, values, _ = benchmark(options)
    assert code == 0
    scores = {
        name: dataset["methods"]["smfd"]["scores"] for name, dataset in values["datasets"].items()
    }
    assert scores["faces"].keys() == {"psnr", "ssim"}
    assert scores["large"].keys() == {"psnr", "ssim", "niqe"}
    (note,) = values["notes"]
    assert note.startswith("faces: niqe of input, smfd: NIQE needs two blocks of 96x96 pixels; ")


def test_a_metric_that_gives_no_number_is_noted(benchmark, options, tmp_path, monkeypatch):
    def fussy(img, img2):  # it likes the first face alone
        return 1.0 if (img2 == first).all() else float("nan")

    first = cv2.imread(str(tmp_path / "faces/images/a.png"))
    monkeypatch.setitem(METRIC_REGISTRY._obj_map, "fussy", fussy)
    (tmp_path / "faces/masks").mkdir()
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"faces/masks/{name}.png"), np.zeros((64, 64), np.uint8))
    options["methods"] = {"input": {"type": "input"}}
    options["reference"] = "input"
    options["metrics"] = {
        "psnr": {"type": "calculate_psnr", "crop_border": 32},
        "fussy": {"type": "fussy"},
        "eyes": {"type": "part_psnr", "classes": ["eyes"]},
    }
    for _ in range(2):  # also when it is run again
        code, values, _ = benchmark(options)
        assert code == 0
        psnr, fussy, eyes = values["notes"]
        assert psnr.startswith("faces: psnr of input: gives no number for a_123456789; is crop_")
        assert fussy.startswith("faces: fussy of input: gives no number for b_987654321; is crop_")
        assert eyes == "faces: eyes of input: gives no number for these faces"
        assert values["datasets"]["faces"]["methods"]["input"]["scores"] == {}


def test_metrics_without_truth_alone_for_real_faces(benchmark, options, tmp_path):
    options["datasets"] = {"test": {"name": "real", "type": "real", "dataroot_lq": "faces/images"}}
    options["methods"]["wiener"] = {"type": "wiener"}
    code, values, _ = benchmark(options)
    assert code == 0
    rows = values["datasets"]["real"]["methods"]
    assert rows["smfd"] == {"reason": None, "scores": {}, "differences": {}}
    assert "true kernel" in rows["wiener"]["reason"]


@pytest.mark.parametrize(("masked", "lacking"), [("a", "b_987654321"), ("b", "a_123456789")])
def test_a_metric_of_some_faces_alone_is_named(benchmark, options, tmp_path, masked, lacking):
    (tmp_path / "faces/masks").mkdir()
    cv2.imwrite(str(tmp_path / f"faces/masks/{masked}.png"), np.full((64, 64), 2, np.uint8))
    options["metrics"]["parts"] = {"type": "part_psnr", "classes": ["eyes", "brows"]}
    code, values, _ = benchmark(options)
    assert code == 0
    assert "parts" not in values["datasets"]["faces"]["methods"]["input"]["scores"]
    reason = f"needs the mask of every face, and {lacking} has none"
    assert values["notes"] == [f"faces: parts of input, smfd: {reason}"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "best"}, "reference is 'best', but the methods are input, smfd"),
        ({"methods": {"smfd": {"type": "magic"}}}, "smfd has the unknown type 'magic'; there are"),
        ({"metrics": {}}, "the option file has no metrics"),
        ({"metrics": {"beauty": {"type": "beauty"}}}, "beauty has the unknown type 'beauty'"),
        ({"timing": {"rounds": 3}}, "timing lacks the option 'size'"),
        (
            {"methods": {"smfd": {"type": "smfd", "wieghts": "x"}}},
            "smfd has no option 'wieghts'; did you mean weights?",
        ),
        (
            {"datasets": {"test": {"name": "faces", "type": "real"}}},
            "faces lacks the option 'dataroot_lq'",
        ),
        (
            {"metrics": {"fid": {"type": "fid", "file": "x"}}},
            "fid has no option 'file'; there are device, weights",
        ),
        (
            {"metrics": {"lpips": {"type": "calculate_lpips", "nett": "vgg"}}},
            "lpips has no option 'nett'; did you mean net?",
        ),
        ({"timing": {"size": 64, "rounds": 0}}, "rounds is 0; it must be a whole number from 1"),
        (
            {
                "datasets": {
                    "test": {"name": "faces", "type": "sharp", "dataroot": "faces", "size": 64.5}
                }
            },
            "faces: size is 64.5; it must be a whole number from 1",
        ),
        ({"path": None}, "path needs options of its own, not None"),
        ({"path": {"weights": None}}, "path.weights is None; name a folder for weights of others"),
        ({"pictures": "all"}, "pictures is 'all'; it must be a whole number from 1"),
        ({"methods": {"smfd": None}}, "methods: smfd needs a `type`, not None"),
        ({"methods": ["smfd"]}, "methods is ['smfd']; each needs a name and a `type`"),
        ({"timing": 5}, "timing is 5; it needs a `size`"),
        ({"reference": ["smfd"]}, "reference is ['smfd'], but the methods are input, smfd"),
        ({"download": "no"}, "download is 'no'; it must be true or false"),
        (
            {"methods": {"smfd": {"type": "smfd", "weights": 3}}},
            "smfd: weights is 3; it must be text or nothing (~)",
        ),
        (
            {"datasets": {"test": {"name": "faces", "type": "sharp", "dataroot": 3, "size": 64}}},
            "faces: dataroot is 3; it must be text",
        ),
        (
            {
                "datasets": {
                    "test": {"name": "a", "type": "real", "dataroot_lq": "b", "limit": True}
                }
            },
            "a: limit is True; it must be a whole number from 1",
        ),
        (
            {
                "datasets": {
                    "test": {"name": "a", "type": "real", "dataroot_lq": "b", "parts": "no"}
                }
            },
            "a: parts is 'no'; it must be true or false",
        ),
        (
            {"metrics": {"eyes": {"type": "part_psnr", "classes": None}}},
            "eyes: classes is None; it must be a list",
        ),
        ({"picturs": 9}, "the option file has no option 'picturs'; did you mean pictures?"),
        (
            {"datasets": {"test": {"name": 7, "type": "real", "dataroot_lq": "faces"}}},
            "the name 7 cannot be a file's name",
        ),
        ({"name": "../up"}, "'../up' cannot be a file's name"),
        ({"name": ".."}, "'..' cannot be a file's name"),
        ({"metrics": {"PSNR/Y": {"type": "calculate_psnr"}}}, "'PSNR/Y' cannot be a file's name"),
    ],
)
def test_mistakes_are_one_line(benchmark, options, change, message):
    code, values, errors = benchmark(options | change)
    assert (code, values) == (2, {})
    assert len(errors) == 1
    assert message in errors[0]


def test_missing_options_and_data_are_named(benchmark, options):
    code, _, errors = benchmark({key: options[key] for key in options if key != "reference"})
    assert (code, errors) == (2, ["basicsr: the option file lacks the option 'reference'"])
    options["datasets"]["test"]["dataroot"] = "nowhere"
    code, _, errors = benchmark(options)
    assert code == 2
    assert "no data set can be run: faces: no faces in nowhere" in errors[0]
    assert "smfd prepare" in errors[0]


def test_a_method_that_fails_on_a_large_face_leaves_the_others_costs(
    benchmark, options, monkeypatch
):
    def restore(sample):
        if sample.lq.shape[0] > 64:
            raise MemoryError("too large")
        return sample.lq

    monkeypatch.setitem(METHODS, "small", lambda context: Method(restore))
    options["methods"]["small"] = {"type": "small"}
    _, values, _ = benchmark(options | {"timing": {"size": 96, "rounds": 1}})
    assert set(values["costs"]) == {"input", "smfd"}
    assert values["notes"] == ["timing of small: too large"]
    assert values["datasets"]["faces"]["methods"]["small"]["reason"] is None


def test_a_picture_that_cannot_be_read_costs_its_data_set_only(
    options, benchmark, tmp_path, astronaut
):
    for folder in ("lq", "gt"):
        write_faces(tmp_path / folder, astronaut, "ab")
    broken = tmp_path / "lq/images/a.png"
    broken.write_bytes(broken.read_bytes()[:900])
    mine = {"dataroot_lq": "lq/images", "dataroot_gt": "gt/images"}
    mine |= {"name": "mine", "type": "paired"}
    options["datasets"] = {"test_1": mine, "test_2": options["datasets"]["test"]}
    options["timing"] = {"size": 64, "rounds": 1}
    code, values, errors = benchmark(options)
    assert (code, errors) == (0, [])
    assert "readable" in values["datasets"]["mine"]["methods"]["input"]["reason"]
    assert values["datasets"]["faces"]["methods"]["input"]["scores"].keys() == {"psnr", "ssim"}
    assert values["costs"].keys() == {"input", "smfd"}
    assert {path.name for path in tmp_path.glob("results/benchmark/small/*.*")} == OUTPUTS


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
