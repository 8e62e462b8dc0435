import shutil
import sys

import numpy as np
import pytest
import torch
from torch import nn

from smfd_plugin import export
from smfd_plugin.cli import smfd_main
from smfd_plugin.weights import load_network


def test_onnx_file_gives_pytorchs_results_at_any_size(
    tiny_net, tiny_weights, tmp_path, capsys, monkeypatch
):
    onnx = pytest.importorskip("onnx", reason="the extra `export` is not installed")
    pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    import onnxruntime

    monkeypatch.setattr(export, "SHIPPED", tmp_path)
    path = tmp_path / "new/net.onnx"
    assert smfd_main(["export", "-o", str(path), "--weights", str(tiny_weights)]) == 0
    assert "lq (N, 3, H, W)" in capsys.readouterr().out
    assert [file.name for file in path.parent.iterdir()] == ["net.onnx"]
    assert {entry.key: entry.value for entry in onnx.load(path).metadata_props} == {
        "faces": "RGB in [0, 1], aligned as in FFHQ",
        "mask_classes": "background, skin, brows, eyes, nose, mouth, hair",
        "licence": export.LICENCE,
    }
    session = onnxruntime.InferenceSession(path)
    for shape in ((1, 3, 32, 32), (3, 3, 41, 100), (2, 3, 128, 64)):
        lq = torch.rand(shape)
        image, masks = session.run(["image", "masks"], {"lq": lq.numpy()})
        with torch.no_grad():
            expected = tiny_net(lq, return_masks=True)
        assert expected[0].min() < 0 and expected[0].max() > 1  # so that it matters
        np.testing.assert_allclose(image, expected[0].clamp(0, 1), atol=1e-4)
        np.testing.assert_allclose(masks, expected[1], atol=1e-4)


@pytest.mark.parametrize("shipped", [True, False])
def test_only_shipped_weights_are_under_their_licence(tiny_weights, tmp_path, monkeypatch, shipped):
    licences = []
    monkeypatch.setattr(export, "export_onnx", lambda net, path, said: licences.append(said) or 0.0)
    weights = [] if shipped else ["--weights", str(tiny_weights)]
    assert smfd_main(["export", "-o", str(tmp_path / "net.onnx"), *weights]) == 0
    assert licences == [export.LICENCE if shipped else ""]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "smfd-unet.pth"),
        (["--weights", "tiny"], "smfd-unet-tiny.pth"),
        (["--weights", "mine.pth"], "smfd-unet.pth"),
    ],
)
def test_a_file_that_is_not_named_has_the_name_of_the_shipped_weights(
    tiny_weights, tmp_path, monkeypatch, words, name
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny_weights, "mine.pth")
    before = set(tmp_path.glob("*.pth"))
    assert smfd_main(["export", "--format=pth", *words]) == 0
    assert set(tmp_path.glob("*.pth")) - before == {tmp_path / name}


def test_an_existing_file_is_kept(tiny_weights, tmp_path, capsys):
    path = tmp_path / "net.onnx"
    path.write_text("mine")
    assert smfd_main(["export", "-o", str(path), "--weights", str(tiny_weights)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert path.read_text() == "mine"


@pytest.mark.parametrize(("words", "name"), [([], "net.pth"), (["--format=pth"], "net.onnx")])
def test_a_suffix_of_the_other_format_is_refused(tiny_weights, tmp_path, capsys, words, name):
    path = tmp_path / name
    assert smfd_main(["export", *words, "-o", str(path), "--weights", str(tiny_weights)]) == 2
    assert f"add --format {path.suffix[1:]} or rename it" in capsys.readouterr().err
    assert not path.exists()


def test_a_training_checkpoint_becomes_weights_to_ship(tiny_weights, tmp_path):
    checkpoint = torch.load(tiny_weights)
    averaged = {name: value * 0.5 for name, value in checkpoint["params"].items()}
    torch.save(checkpoint | {"params_ema": averaged}, tmp_path / "net_g_100.pth")
    path = tmp_path / "new/folder/ship.pth"
    words = ["export", "--format=pth", "--weights", str(tmp_path / "net_g_100.pth")]
    assert smfd_main([*words, "-o", str(path)]) == 0
    assert [file.name for file in path.parent.iterdir()] == ["ship.pth"]
    shipped = torch.load(path, weights_only=True)
    assert shipped.keys() == {"params", "network"}
    assert {value.dtype for value in shipped["params"].values()} == {torch.float16}
    for name, value in load_network(path).state_dict().items():
        torch.testing.assert_close(value, averaged[name], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("place", ["taken/net.pth", "folder"])
def test_a_place_that_cannot_be_written_to_is_one_line(tiny_weights, tmp_path, capsys, place):
    (tmp_path / "taken").touch()
    (tmp_path / "folder").mkdir()
    words = ["export", "--format=pth", "--overwrite", "--weights", str(tiny_weights)]
    assert smfd_main([*words, "-o", str(tmp_path / place)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("smfd: ") and said.count("\n") == 1 and str(tmp_path) in said
    assert {path.name for path in tmp_path.iterdir()} == {"taken", "folder", "tiny.pth"}


@pytest.mark.parametrize("words", [[], ["--overwrite"]])
def test_a_folder_is_no_file_to_write(tmp_path, capsys, words):
    assert smfd_main(["export", *words, "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"smfd: {tmp_path} is a folder; name a file in it\n"


def test_the_missing_extra_is_named(tiny_net, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ModuleNotFoundError, match=r"^onnxscript is .*'smfd-plugin\[export\]'"):
        export.export_onnx(tiny_net, tmp_path / "net.onnx")


def test_a_file_with_other_results_is_not_kept(tiny_net, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_difference", lambda net, path: 0.5)
    monkeypatch.setattr(torch.onnx, "export", lambda net, args, path, **_: path.touch())
    assert isinstance(tiny_net, nn.Module)
    with pytest.raises(ValueError, match="differ"):
        export.export_onnx(tiny_net, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []
