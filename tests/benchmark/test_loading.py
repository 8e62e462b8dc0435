from basicsr.utils.registry import METRIC_REGISTRY


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


def test_missing_options_and_data_are_named(benchmark, options):
    code, _, errors = benchmark({key: options[key] for key in options if key != "reference"})
    assert (code, errors) == (2, ["basicsr: the option file lacks the option 'reference'"])
    options["datasets"]["test"]["dataroot"] = "nowhere"
    code, _, errors = benchmark(options)
    assert code == 2
    assert "no data set can be run: faces: no faces in nowhere" in errors[0]
    assert "smfd prepare" in errors[0]


def test_a_metric_that_gives_no_number_is_noted_before_faces_are_restored(
    benchmark, options, counted, monkeypatch
):
    def both(img, img2, **_):
        assert counted["count"] == 0
        return {"psnr": 30, "ssim": 0.9}

    monkeypatch.setitem(METRIC_REGISTRY._obj_map, "both", both)
    options["methods"]["counted"] = {"type": "counted"}
    options["metrics"]["both"] = {"type": "both"}
    code, values, _ = benchmark(options)
    assert (code, counted["count"]) == (0, 2)
    (note,) = values["notes"]
    assert note.startswith("both not measured: both gives {'psnr': 30, 'ssim': 0.9}, which is not")
