import argparse
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
import torch
from PIL import Image

from smfd_plugin.restore import command, network
from smfd_plugin.restore.command import plan
from smfd_plugin.restore.deblurrer import FaceDeblurrer
from smfd_plugin.restore.io import read_picture
from smfd_plugin.restore.targets import Job


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
        words = ["--weights", str(tiny_weights), "--detector", "tiny", *map(str, arguments)]
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
    assert (
        output.out == "pictures written: 2, faces deblurred: 1, left out as no pictures: 1 (.txt)\n"
    )
    same = (out / "sub/plain.jpg").read_bytes() == (photos / "sub/plain.jpg").read_bytes()
    assert same


def test_without_a_face_another_format_holds_the_same_picture(photos, tmp_path, deblur, capsys):
    assert deblur(photos / "sub/plain.jpg", "-o", tmp_path / "plain.png") == 0
    assert capsys.readouterr().err.endswith("plain.jpg: no face found\n")
    assert np.array_equal(read(tmp_path / "plain.png"), read(photos / "sub/plain.jpg"))


def test_one_broken_file_does_not_stop_the_rest(photos, tmp_path, deblur, capsys):
    (photos / "broken.png").write_bytes((photos / "face.png").read_bytes()[:5000])
    assert deblur(photos, "-o", tmp_path / "out") == 1
    output = capsys.readouterr()
    assert output.err.count("smfd: ") == 1 and "broken.png is damaged" in output.err
    words = (
        "pictures written: 2, faces deblurred: 1, 1 not done, left out as no pictures: 1 (.txt)\n"
    )
    assert output.out == words
    assert not (tmp_path / "out/broken.png").exists()


def test_no_failure_stops_the_rest(photos, tmp_path, deblur, capsys, monkeypatch):
    def read_all_but_the_face(path):
        if path.name == "face.png":
            raise TypeError
        return read_picture(path)

    monkeypatch.setattr(command, "read_picture", read_all_but_the_face)
    assert deblur(photos, "-o", tmp_path / "out") == 1
    assert f"smfd: {photos / 'face.png'}: TypeError\n" in capsys.readouterr().err
    assert (tmp_path / "out/sub/plain.jpg").exists()


def test_what_a_format_cannot_hold_is_said(photos, tmp_path, deblur, capsys):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.open(photos / "face.png").save(photos / "face.jpg", exif=exif)
    assert deblur(photos / "face.jpg", "-o", tmp_path / "face.bmp") == 0
    assert "face.jpg: written without EXIF data\n" in capsys.readouterr().err


def test_what_a_format_cannot_hold_is_said_before_faces_are_restored(
    photos, tmp_path, deblur, capsys, monkeypatch
):
    def never(*_):
        raise AssertionError("nothing is to be restored")

    cv2.imwrite(str(photos / "deep.png"), np.zeros((64, 64, 3), np.uint16))
    monkeypatch.setattr(FaceDeblurrer, "restore", never)
    target = tmp_path / "deep.jpg"
    assert deblur(photos / "deep.png", "-o", target) == 2
    words = f"smfd: cannot write {target}: .jpg has no 16 bit; use .png or .tif\n"
    assert capsys.readouterr().err == words
    assert not target.exists()


def test_what_a_format_cannot_hold_is_copied_in_it(photos, tmp_path, deblur, capsys):
    deep = photos / "deep.jpg"  # a PNG file, in truth
    deep.write_bytes(cv2.imencode(".png", np.zeros((64, 64, 3), np.uint16))[1].tobytes())
    assert deblur(deep, "-o", tmp_path / "copy.JPG") == 0
    assert capsys.readouterr().err == f"{deep}: no face found, written unchanged\n"
    assert (tmp_path / "copy.JPG").read_bytes() == deep.read_bytes()


def test_a_heic_picture_becomes_a_jpeg_in_a_folder(photos, tmp_path, deblur, capsys):
    portrait = Image.open(photos / "face.png").convert("RGB")
    (photos / "phone").mkdir()
    pillow_heif.from_pillow(portrait).save(photos / "phone/face.HEIC", quality=90)
    assert deblur(photos / "phone", "-o", tmp_path / "out") == 0
    assert deblur(photos / "phone/face.HEIC", "-o", tmp_path / "out/one.avif") == 0
    assert capsys.readouterr().out.count("pictures written: 1, faces deblurred: 1\n") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["face.jpg", "one.avif"]
    for written in (tmp_path / "out").iterdir():
        assert read_picture(written).colour.shape == (*portrait.size[::-1], 3)


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (["a.HEIC"], ["a.jpg"]),
        (["a.HEIC", "a.jpg"], ["a.HEIC.jpg", "a.jpg"]),
        (["a.HEIC", "a.JPG"], ["a.HEIC.jpg", "a.JPG"]),  # one file, to some systems
        (["a.HEIC", "a.png"], ["a.jpg", "a.png"]),
        (["a.HEIF", "a.heic"], ["a.HEIF.jpg", "a.heic.jpg"]),
        (["a.heic", "sub/a.jpg"], ["a.jpg", "sub/a.jpg"]),
        (["sub/a.heic", "sub/a.jpg"], ["sub/a.heic.jpg", "sub/a.jpg"]),
    ],
)
def test_a_heic_picture_keeps_its_suffix_where_another_has_its_name(tmp_path, names, written):
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in names:
        (tmp_path / "in" / name).touch()
    jobs, _ = plan([tmp_path / "in"], tmp_path / "out")
    expected = [
        Job(tmp_path / "in" / name, tmp_path / "out" / target)
        for name, target in zip(names, written, strict=True)
    ]
    assert jobs == expected


def test_a_heic_picture_and_a_jpeg_of_its_name_are_both_written(photos, tmp_path, deblur, capsys):
    plain = photos / "sub/plain.HEIC"
    pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(plain)
    assert deblur(plain, photos / "sub/plain.jpg", "-o", tmp_path / "out") == 0
    assert capsys.readouterr().out == "pictures written: 2, faces deblurred: 0\n"
    written = {path.name: read(path).max() for path in (tmp_path / "out").iterdir()}
    assert written == {"plain.HEIC.jpg": 0, "plain.jpg": 90}


def test_heic_is_not_written(photos, tmp_path):
    with pytest.raises(ValueError, match=r"face\.heic is no picture \(\.png, "):
        plan([photos / "face.png"], tmp_path / "face.heic")


def test_links_to_folders_are_named(photos, tmp_path, deblur, capsys):
    (tmp_path / "else").mkdir()
    (tmp_path / "else/face.png").write_bytes((photos / "face.png").read_bytes())
    (photos / "link").symlink_to(tmp_path / "else")
    (photos / "circle").symlink_to(photos)
    assert deblur(photos, "-o", tmp_path / "out") == 0
    words = f"links to folders not followed: {photos / 'circle'}, {photos / 'link'}\n"
    assert capsys.readouterr().out.endswith(words)


def test_links_that_cannot_be_followed_are_named_and_not_done(photos, tmp_path, deblur, capsys):
    links = [photos / "circle.png", photos / "gone.jpg", photos / "sub/folder"]
    for link, target in zip(links, (links[0], "missing.jpg", "missing"), strict=True):
        link.symlink_to(target)
    (photos / ".hidden.png").symlink_to("missing.jpg")
    assert deblur(photos, "-o", photos / "out") == 1
    output = capsys.readouterr()
    for link in links:
        assert f"smfd: {link} is a link that cannot be followed\n" in output.err
    assert output.out.startswith("pictures written: 2, faces deblurred: 1, 3 not done, left out")


def test_a_folder_of_links_that_cannot_be_followed(tmp_path):
    (tmp_path / "a.png").symlink_to("missing.png")
    with pytest.raises(FileNotFoundError, match=r"no picture in .*a\.png is a link that cannot"):
        plan([tmp_path], tmp_path / "out")


@pytest.fixture
def locked(photos, monkeypatch):
    """A folder of `photos` that may not be read, not even by root."""
    folder = photos / "locked"
    folder.mkdir()
    scandir = os.scandir

    def refuse(path):
        if path == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return folder


def test_folders_that_cannot_be_read_are_named(photos, locked, tmp_path, deblur, capsys):
    assert deblur(photos, "-o", tmp_path / "out") == 0
    assert capsys.readouterr().out.endswith(f", folders that cannot be read: {locked}\n")


def test_a_folder_that_cannot_be_read_is_no_folder_without_pictures(photos, locked, tmp_path):
    with pytest.raises(PermissionError, match=r"cannot read folder .*locked; check"):
        plan([locked], tmp_path / "out")


def test_what_is_no_picture_is_counted(photos, tmp_path, deblur, capsys):
    (photos / ".thumbnails").mkdir()
    for name in ("a.DNG", "sub/b.dng", "clip.mp4", ".hidden", "._face.png", ".thumbnails/a.png"):
        (photos / name).touch()
    for _ in range(2):  # what is written is not counted the second time
        deblur(photos, "-o", photos / "out", "--overwrite")
        (photos / "out/list.csv").touch()
        assert capsys.readouterr().out.endswith(
            ", left out as no pictures: 4 (.dng, .mp4, .txt); videos in a folder are not done, so "
            f"name them: smfd deblur {photos}/*.mp4 -o OUTPUT\n"
        )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_no_picture(photos, tmp_path, deblur, capsys):
    os.mkfifo(photos / "pipe.png")
    assert deblur(photos, "-o", tmp_path / "out") == 0
    assert capsys.readouterr().out.endswith(", left out as no pictures: 2 (.png, .txt)\n")


def test_a_folder_of_videos_says_that_they_must_be_named(tmp_path):
    (tmp_path / "film.MP4").touch()
    words = "not done, so name them: smfd deblur " + re.escape(f"{tmp_path}/*.MP4 -o OUTPUT")
    with pytest.raises(FileNotFoundError, match=f"no picture in folder .*{words}"):
        plan([tmp_path], tmp_path / "out")


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


def test_a_link_to_nothing_is_kept(photos, tmp_path, deblur):
    """A disk that is not there today, for instance."""
    link = tmp_path / "out.png"
    link.symlink_to(tmp_path / "disk/out.png")
    assert deblur(photos / "face.png", "-o", link) == 2
    assert link.is_symlink()


def test_an_interrupted_folder_goes_on(photos, tmp_path, deblur, capsys):
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sub/plain.jpg").write_text("mine")
    assert deblur(photos, "-o", out, "--skip-existing") == 0
    assert (out / "sub/plain.jpg").read_text() == "mine" and read(out / "face.png") is not None
    assert "written: 1, faces deblurred: 1, already there: 1," in capsys.readouterr().out
    assert deblur(photos, "-o", out, "--skip-existing") == 0
    assert "written: 0, faces deblurred: 0, already there: 2," in capsys.readouterr().out


@pytest.mark.parametrize("name", ["face.png", "."])
def test_a_picture_is_not_replaced_by_itself(photos, deblur, name):
    before = (photos / "face.png").read_bytes()
    with pytest.raises(ValueError, match=r"face\.png would replace the picture itself"):
        deblur(photos / name, "-o", photos, "--overwrite")
    assert (photos / "face.png").read_bytes() == before


def test_no_input_is_replaced_before_it_is_read(photos, tmp_path, deblur):
    other = tmp_path / "other"
    other.mkdir()
    (other / "face.png").write_bytes((photos / "face.png").read_bytes())
    before = (photos / "face.png").read_bytes()
    with pytest.raises(ValueError, match=r"face\.png would replace the picture itself"):
        deblur(other / "face.png", photos, "-o", photos, "--overwrite")
    assert (photos / "face.png").read_bytes() == before


def test_strength_reaches_the_picture(photos, tmp_path, deblur):
    assert deblur(photos / "face.png", "-o", tmp_path / "same.png", "--strength", "0") == 0
    assert np.array_equal(read(tmp_path / "same.png"), read(photos / "face.png"))


def test_with_no_strength_a_file_is_copied_as_it_is(photos, astronaut, tmp_path, deblur, capsys):
    cv2.imwrite(str(photos / "face.jpg"), astronaut)
    assert deblur(photos / "face.jpg", "-o", tmp_path / "same.jpg", "--strength", "0") == 0
    assert (tmp_path / "same.jpg").read_bytes() == (photos / "face.jpg").read_bytes()
    said = capsys.readouterr()
    assert "face.jpg: written unchanged" in said.err
    assert said.out == "pictures written: 1, faces deblurred: 0\n"


def test_the_largest_crop_reaches_the_network(photos, tmp_path, deblur):
    paths = tmp_path / "whole.png", tmp_path / "shrunk.png"
    for path, words in zip(paths, ([], ["--max-crop", 128]), strict=True):
        assert deblur(photos / "face.png", "-o", path, *words) == 0
    assert not np.array_equal(*map(read, paths))


def test_half_precision_reaches_the_network(photos, tmp_path, deblur, monkeypatch):
    monkeypatch.setattr(network, "half_dtype", lambda device: torch.bfloat16)
    paths = tmp_path / "whole.png", tmp_path / "half.png"
    for path, words in zip(paths, ([], ["--half"]), strict=True):
        assert deblur(photos / "face.png", "-o", path, *words) == 0
    whole, half = (read(path).astype(int) for path in paths)
    assert 0 < np.abs(whole - half).max() <= 4


def test_the_detector_is_chosen(photos, tmp_path, deblur):
    choice = "--detector", "retinaface", "--detector-folder", photos
    with pytest.raises(FileNotFoundError, match=r"detector 'retinaface' in .*photos"):
        deblur(photos / "face.png", "-o", tmp_path / "sharp.png", *choice)


def test_outputs_inside_the_input_are_not_done_again(photos, deblur, capsys):
    assert deblur(photos, "-o", photos / "sharp") == 0
    capsys.readouterr()
    assert plan([photos], photos / "sharp")[0] == [
        Job(photos / "face.png", photos / "sharp/face.png"),
        Job(photos / "sub/plain.jpg", photos / "sharp/sub/plain.jpg"),
    ]


def test_a_folder_may_get_a_dot_in_its_name(photos, tmp_path):
    jobs, _ = plan([photos], tmp_path / "sharp.2024")
    assert jobs[0].target == tmp_path / "sharp.2024/face.png"


def test_several_inputs_go_by_their_names(photos, tmp_path):
    jobs, _ = plan([photos / "face.png", photos / "sub"], tmp_path / "out")
    assert [job.target for job in jobs] == [
        tmp_path / "out/face.png",
        tmp_path / "out/sub/plain.jpg",
    ]


def test_an_existing_folder_may_be_called_like_a_picture(photos, tmp_path):
    folder = tmp_path / "odd.png"
    folder.mkdir()
    assert plan([photos / "face.png"], folder)[0][0].target == folder / "face.png"


@pytest.mark.parametrize(
    ("inputs", "output", "words"),
    [
        (["missing.png"], "out", "no file or folder .*missing.png"),
        (["notes.txt"], "out", "notes.txt is no picture"),
        (["."], "out.png", "name a folder"),
        (["face.png", "face.png"], "out.png", "name a folder"),
        (["face.png", "sub/../face.png"], "out", "two inputs would both become .*face.png"),
        (["face.png"], "notes.txt", "notes.txt is no picture"),
        (["."], "notes.txt", "notes.txt is a file"),
        (["face.png"], "sharp.gif", r"sharp\.gif is no picture \(.png, .*and no folder"),
        (["face.png"], "sharp.mp4", r"sharp\.mp4 is no picture"),
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


def test_a_suffix_of_the_same_format_is_no_reason_to_encode_anew(photos, tmp_path, deblur):
    plain = photos / "sub/plain.jpg"
    assert deblur(plain, "-o", tmp_path / "plain.JPEG") == 0
    assert (tmp_path / "plain.JPEG").read_bytes() == plain.read_bytes()
    assert deblur(plain, "-o", tmp_path / "plain.png") == 0
    assert np.array_equal(read(tmp_path / "plain.png"), read(plain))
