from pathlib import Path

import cv2
import pytest


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
        (
            {"datasets": {"test": {"name": "a", "type": "sharp", "dataroot": "b", "limti": 9}}},
            "a has no option 'limti'; did you mean limit?",
        ),
        (
            {"methods": {"smfd": {"type": "richardson_lucy", "iterations": 0}}},
            "smfd: iterations is 0; it must be a whole number from 1",
        ),
        (
            {"methods": {"smfd": {"type": "spandrel", "weights": "net.pth", "size": -3}}},
            "smfd: size is -3; it must be a whole number from 1",
        ),
        ({"scale": 1}, "the option file has no option 'scale'"),
        ({"picturs": 9}, "the option file has no option 'picturs'; did you mean pictures?"),
        (
            {"datasets": {"test": {"name": 7, "type": "real", "dataroot_lq": "faces"}}},
            "the name 7 cannot be a file's name",
        ),
        ({"name": "../up"}, "'../up' cannot be a file's name"),
        ({"name": ".."}, "'..' cannot be a file's name"),
        ({"metrics": {"mIoU/7": {"type": "mask_miou"}}}, "'mIoU/7' cannot be a file's name"),
    ],
)
def test_mistakes_are_one_line(benchmark, options, change, message):
    code, values, errors = benchmark(options | change)
    assert (code, values) == (2, {})
    assert len(errors) == 1
    assert message in errors[0]
