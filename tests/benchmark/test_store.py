import numpy as np
import pytest
import torch

from smfd_plugin.benchmark.store import (
    ScoreFile,
    open_folder,
    read_kept,
    read_restored,
    source_digest,
    stamps,
)
from smfd_plugin.data.pictures import write_picture


def test_a_folder_is_kept_for_the_same_origin_and_emptied_for_another(tmp_path):
    folder = tmp_path / "faces"
    open_folder(folder, {"weights": "a", "size": 64})
    (folder / "face.png").write_bytes(b"x")
    open_folder(folder, {"size": 64, "weights": "a"})
    assert (folder / "face.png").is_file()
    open_folder(folder, {"weights": "b", "size": 64})
    assert not (folder / "face.png").exists()


def test_stamps_tell_changed_files(tmp_path):
    file, folder = tmp_path / "arcface.onnx", tmp_path / "faces"
    file.write_bytes(b"abc")
    (folder / "images").mkdir(parents=True)
    (folder / "images/a.png").write_bytes(b"12345")
    options = {"type": "x", "size": 3, "entries": [{"model": str(file)}, {"root": str(folder)}]}
    before = stamps(options)
    assert [size for size, _ in before.values()] == [3, 5]
    assert stamps(options) == before
    (folder / "images/a.png").write_bytes(b"1234")
    assert set(stamps(options)) == set(before)
    assert stamps(options) != before
    (folder / "images/b.png").touch()
    assert len(stamps(options)) == 3
    assert stamps({"none": None, "long": "x" * 5000, "nul": "a\0b"}) == {}


def test_stamps_see_behind_linked_folders(tmp_path):
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    (elsewhere / "a.png").write_bytes(b"12345")
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces/images").symlink_to(elsewhere)
    (tmp_path / "faces/gone.png").symlink_to(tmp_path / "nowhere")
    found = stamps({"dataroot": "faces"}, tmp_path)
    assert [size for size, _ in found.values()] == [5]


def test_code_is_known_by_the_files_of_its_folder(tmp_path, from_file):
    network = from_file(tmp_path / "net_arch.py", "run", "def run(): pass")
    (tmp_path / "blocks.py").write_text("width = 1")
    decorated = torch.no_grad()(network)
    before = source_digest(network)
    assert source_digest(decorated) == source_digest(network, network, int) == before
    (tmp_path / "notes.txt").touch()
    assert source_digest(network) == before
    digests = {before, source_digest(ScoreFile), source_digest(network, ScoreFile)}
    (tmp_path / "blocks.py").write_text("width = 2")
    digests.add(source_digest(network))
    (tmp_path / "more.py").touch()
    digests.add(source_digest(network))
    assert len(digests) == 5
    typed_in = eval("lambda: 0")
    assert source_digest(int) is source_digest(typed_in) is source_digest() is None


def test_a_picture_comes_back_as_it_was(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    write_picture(tmp_path / "a.png", picture)
    assert (read_kept(tmp_path / "a.png") == picture).all()
    assert (read_restored(tmp_path / "a.png") == picture).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert read_kept(tmp_path / "b.png") is None
    for content in (b"half a picture", b""):
        (tmp_path / "c.png").write_bytes(content)
        assert read_kept(tmp_path / "c.png") is None
    with pytest.raises(FileNotFoundError, match=r"c\.png is gone or damaged; run the benchmark"):
        read_restored(tmp_path / "c.png")


def test_scores_survive_a_cut(tmp_path):
    path = tmp_path / "psnr.scores"
    scores = ScoreFile(path)
    scores.add("a", 27.5)
    scores.add("b", np.eye(2))
    with path.open("a") as file:
        file.write('\n["c", 2')
    again = ScoreFile(path)
    assert set(again.values) == {"a", "b"}
    again.add("c", 3.0)
    values = ScoreFile(path).values
    assert values["a"] == 27.5
    assert values["c"] == 3
    assert (values["b"] == np.eye(2)).all()
