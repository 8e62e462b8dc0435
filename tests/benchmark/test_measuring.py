import cv2
import numpy as np
import pytest
import torch
from basicsr.utils.registry import METRIC_REGISTRY

from smfd_plugin.weights import read_checkpoint, save_weights


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


def test_a_reference_that_was_not_run_is_noted(benchmark, options, tmp_path):
    options["methods"]["smfd"]["weights"] = "nowhere.pth"
    code, values, _ = benchmark(options)
    assert code == 0
    assert values["datasets"]["faces"]["methods"]["input"]["differences"] == {}
    (note,) = values["notes"]
    assert note.startswith("faces: differences to smfd, which was not run: no weights file nowhere")
    assert "Differences are" not in (tmp_path / "results/benchmark/small/table.md").read_text()


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
