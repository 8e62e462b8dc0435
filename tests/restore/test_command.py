import argparse
from pathlib import Path

import cv2
import numpy as np
import pytest

from smfd_plugin.restore import command
from smfd_plugin.restore.command import Job, plan


@pytest.fixture
def photos(tmp_path, astronaut):
    """A folder with a portrait, a sub-folder with a landscape, and a text."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    cv2.imwrite(str(folder / "face.png"), astronaut)
    cv2.imwrite(str(folder / "sub/plain.jpg"), np.full((64, 64, 3), 90, np.uint8))
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def deblur(tiny_weights):
    """Runs the command with a network that takes no time."""

    def run(*arguments):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        words = [*map(str, arguments), "--weights", str(tiny_weights), "--detector", "tiny"]
        return command.run(parser.parse_args(words))

    return run


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_one_picture_to_one_file(photos, tmp_path, deblur, capsys):
    target = tmp_path / "new/sharp.png"
    assert deblur(photos / "face.png", "-o", target) == 0
    before, after = read(photos / "face.png"), read(target)
    assert (before != after).any(2).mean() > 0.01
    assert np.array_equal(before[300:], after[300:])
    assert capsys.readouterr().out == "pictures written: 1, faces deblurred: 1\n"


def test_a_folder_keeps_its_structure(photos, tmp_path, deblur, capsys):
    out = tmp_path / "out"
    assert deblur(photos, "-o", out) == 0
    assert sorted(p.relative_to(out) for p in out.rglob("*.*")) == [
        Path("face.png"),
        Path("sub/plain.jpg"),
    ]
    output = capsys.readouterr()
    assert "plain.jpg: no face found, written unchanged" in output.err
    assert output.out == "pictures written: 2, faces deblurred: 1\n"
    same = (out / "sub/plain.jpg").read_bytes() == (photos / "sub/plain.jpg").read_bytes()
    assert same


def test_without_a_face_another_format_holds_the_same_picture(photos, tmp_path, deblur):
    assert deblur(photos / "sub/plain.jpg", "-o", tmp_path / "plain.png") == 0
    assert np.array_equal(read(tmp_path / "plain.png"), read(photos / "sub/plain.jpg"))


def test_one_broken_file_does_not_stop_the_rest(photos, tmp_path, deblur, capsys):
    (photos / "broken.png").write_bytes((photos / "face.png").read_bytes()[:5000])
    assert deblur(photos, "-o", tmp_path / "out") == 1
    output = capsys.readouterr()
    assert output.err.count("smfd: ") == 1 and "broken.png is damaged" in output.err
    assert output.out == "pictures written: 2, faces deblurred: 1, 1 not done\n"
    assert not (tmp_path / "out/broken.png").exists()


def test_existing_outputs_are_kept_unless_told(photos, tmp_path, deblur, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "face.png").write_text("mine")
    assert deblur(photos, "-o", out) == 1
    assert (out / "face.png").read_text() == "mine" and (out / "sub/plain.jpg").exists()
    assert "face.png is already there; --overwrite replaces it" in capsys.readouterr().err
    assert deblur(photos, "-o", out) == 2
    assert deblur(photos, "-o", out, "--overwrite") == 0
    assert read(out / "face.png") is not None


def test_a_picture_is_not_replaced_by_itself(photos, deblur):
    before = (photos / "face.png").read_bytes()
    assert deblur(photos / "face.png", "-o", photos) == 2
    assert (photos / "face.png").read_bytes() == before


def test_strength_reaches_the_picture(photos, tmp_path, deblur):
    assert deblur(photos / "face.png", "-o", tmp_path / "same.png", "--strength", "0") == 0
    assert np.array_equal(read(tmp_path / "same.png"), read(photos / "face.png"))


def test_outputs_inside_the_input_are_not_done_again(photos, deblur, capsys):
    assert deblur(photos, "-o", photos / "sharp") == 0
    capsys.readouterr()
    assert plan([photos], photos / "sharp") == [
        Job(photos / "face.png", photos / "sharp/face.png"),
        Job(photos / "sub/plain.jpg", photos / "sharp/sub/plain.jpg"),
    ]


def test_several_inputs_go_by_their_names(photos, tmp_path):
    jobs = plan([photos / "face.png", photos / "sub"], tmp_path / "out")
    assert [job.target for job in jobs] == [
        tmp_path / "out/face.png",
        tmp_path / "out/sub/plain.jpg",
    ]


def test_an_existing_folder_may_be_called_like_a_picture(photos, tmp_path):
    folder = tmp_path / "odd.png"
    folder.mkdir()
    assert plan([photos / "face.png"], folder)[0].target == folder / "face.png"


@pytest.mark.parametrize(
    ("inputs", "output", "words"),
    [
        (["missing.png"], "out", "no file or folder .*missing.png"),
        (["notes.txt"], "out", "notes.txt is no picture"),
        (["."], "out.png", "name a folder"),
        (["face.png", "face.png"], "out.png", "name a folder"),
        (["face.png", "sub/../face.png"], "out", "two inputs would both become .*face.png"),
        (["face.png"], "notes.txt", "notes.txt is a file"),
        (["empty"], "out", "no picture in folder .*empty"),
    ],
)
def test_mistakes_are_named_before_anything_is_done(photos, inputs, output, words):
    (photos / "empty").mkdir()
    (photos / "clip.MP4").touch()
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        plan([photos / name for name in inputs], photos / output)


def test_another_method(photos, tmp_path, tiny_difface):
    def run(*words):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        inputs = [str(photos / "face.png"), "-o", str(tmp_path / "out.png"), "--detector", "tiny"]
        return command.run(parser.parse_args([*inputs, "--method", "difface", *words]))

    with pytest.raises(ValueError, match="no weights of DifFace come with the package"):
        run()
    assert run("--weights", str(tiny_difface)) == 0
    assert (read(photos / "face.png") != read(tmp_path / "out.png")).any()
