"""`basicsr benchmark -opt FILE.yml` as its user calls it."""

import sys
from pathlib import Path

import cv2
import pytest
from filelock import FileLock

from smfd_plugin.data.blur_space import BlurSpace

QUICK = Path(__file__).resolve().parents[2] / "options/benchmark_quick.yml"

OUTPUTS = {"table.md", "table.json", "figure.png", "bars.png", "tradeoff.png", "report.html"}


def test_the_missing_extra_is_one_line(options, benchmark, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for name in ("command", "report"):
        monkeypatch.delitem(sys.modules, f"smfd_plugin.benchmark.{name}", raising=False)
    code, _, errors = benchmark(options)
    remedy = "basicsr: jinja2 is not installed: pip install 'smfd-plugin[benchmark]'"
    assert (code, errors) == (2, [remedy])


def test_the_quick_file_runs_with_two_faces(benchmark, tmp_path, write_faces):
    write_faces(tmp_path / "datasets/heldout", "ab")
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


def test_without_a_seed_it_goes_on_too(benchmark, options, counted):
    options["methods"]["counted"] = {"type": "counted"}
    del options["manual_seed"]
    seeds = {benchmark(options)[1]["seed"] for _ in range(2)}
    assert len(seeds) == 1
    assert counted["count"] == 2


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


def test_a_picture_that_cannot_be_read_costs_its_data_set_only(
    options, benchmark, tmp_path, write_faces
):
    for folder in ("lq", "gt"):
        write_faces(tmp_path / folder, "ab")
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
