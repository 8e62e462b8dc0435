import json
from pathlib import Path

from smfd_plugin.benchmark import table
from smfd_plugin.benchmark.intervals import Interval


def test_markdown(known_options, known_results):
    text = table.to_markdown(known_options, known_results)
    assert "## faces: 2 samples of 2 face(s), seed 7" in text
    assert "| method | psnr ↑ | lpips ↓ |\n| --- | ---: | ---: |\n" in text
    assert "| input | 25.00 [24.00, 26.00] | 0.300 [0.250, 0.350] |\n" in text
    assert "| smfd | **27.50 [26.00, 29.00]** | **0.200 [0.100, 0.300]** |\n" in text
    reason = "not run: weights/GFPGANv1.4.pth is not here; get it from <https://x.org>"
    assert f"| gfpgan | {reason} |  |\n" in text
    assert "| minus smfd | psnr ↑ | lpips ↓ |\n" in text
    assert "| input | -2.500 [-3.000, -2.000] | +0.100 [+0.050, +0.150] |\n" in text
    assert "## others: not run: no pictures\n" in text
    assert f"| smfd | 4.500 | 30.00 | 250 | {table.NOTHING} |" in text
    assert "- niqe not measured: too small" in text
    assert text.endswith("10 faces. Differences are paired: the same faces, the same draws.\n")


def test_without_differences_the_legend_does_not_speak_of_them(known_options, known_results):
    known_results.datasets["faces"].rows["input"].differences.clear()
    text = table.to_markdown(known_options, known_results)
    assert text.endswith("none with fewer than 10 faces.\n")


def test_json_says_the_same(known_options, known_results):
    values = json.loads(table.dump(table.to_json(known_options, known_results)))
    faces = values["datasets"]["faces"]
    assert (faces["pairs"], faces["faces"], values["seed"]) == (2, 2, 7)
    assert faces["methods"]["smfd"]["scores"]["psnr"] == [27.5, 26.0, 29.0]
    assert faces["methods"]["input"]["differences"]["psnr"] == [-2.5, -3.0, -2.0]
    assert faces["methods"]["gfpgan"]["reason"].startswith("weights/GFPGANv1.4.pth")
    assert faces["methods"]["gfpgan"]["scores"] == {}
    assert values["datasets"]["others"]["reason"] == "no pictures"
    assert values["costs"]["smfd"]["flops"] == 30 * 10**9
    assert values["lower_is_better"]["lpips"] is True
    assert values["weights_sha256"] == {"smfd": "abc"}
    assert values["timing"] == {"size": 64, "rounds": 3}
    assert "torch" in values["versions"]


def test_a_cell_cannot_break_the_table():
    rows = table.markdown_table(table.Table(["a", "b"], [["x", "y|z"]])).splitlines()
    assert rows[-1] == "| x | y\\|z |"


def test_numbers():
    assert table.format_number(0.12345) == "0.123"
    assert table.format_number(25.678) == "25.68"
    assert table.format_number(396.4) == "396"
    assert table.format_number(None) == table.format_number(float("nan")) == table.NOTHING
    assert table.format_interval(Interval(float("inf"), None, None)) == "∞"
    assert json.loads(table.dump({"psnr": [float("inf"), Path("x").name]})) == {"psnr": [None, "x"]}
