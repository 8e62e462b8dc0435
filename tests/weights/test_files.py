import hashlib

import pytest

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.weights import WeightsError, files, load_network


def test_shipped_weights_are_found_by_name_and_have_their_checksums():
    names = {path.stem for path in files.SHIPPED.glob("*.pth")}
    assert files.DEFAULT in names
    for name in names:
        assert isinstance(load_network(name), SMFDUNet)


@pytest.mark.parametrize("name", ["small", "smfd-unet-small"])
def test_shipped_weights_have_short_names(name, tiny_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    shipped = tiny_weights.rename(tmp_path / "smfd-unet-small.pth")
    digest = hashlib.sha256(shipped.read_bytes()).hexdigest()
    (tmp_path / files.CHECKSUMS).write_text(f"{digest}  {shipped.name}\n")
    assert isinstance(load_network(name), SMFDUNet)


def test_shipped_weights_that_were_changed_are_refused(tiny_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    digest = hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    (tmp_path / files.CHECKSUMS).write_text(f"{digest}  tiny.pth\n")
    assert load_network("tiny").mask_generator is not None
    tiny_weights.write_bytes(tiny_weights.read_bytes() + b"x")
    with pytest.raises(WeightsError, match=r"tiny\.pth is not the file that was shipped"):
        load_network("tiny")


def test_an_empty_name_is_not_taken_for_the_default():
    with pytest.raises(WeightsError, match="name of the weights is empty; leave it out"):
        files.find("")


def test_the_home_folder_is_found_where_the_shell_left_it(tiny_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    copy = tmp_path / "mine.pth"
    copy.write_bytes(tiny_weights.read_bytes())
    assert files.find("~/mine.pth") == copy
