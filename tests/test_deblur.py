"""The command `smfd deblur`, as far as it decides between pictures and videos."""

import argparse
import inspect
from pathlib import Path

import pytest

from smfd_plugin import deblur
from smfd_plugin.deblur import plan, seconds
from smfd_plugin.vapoursynth import filter as video_filter


@pytest.fixture
def videos(tmp_path, monkeypatch) -> list[tuple]:
    """Empty files in the working directory; deblurring one is only noted."""
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    names = ("a.mp4", "b.MKV", "sub/a.mp4", "photo.png", "c.mts", "d.ogv", "d.mpg")
    for name in (*names, "film.xyz", "b.DNG"):
        Path(name).touch()
    calls = []

    def note(*arguments, **more):
        calls.append((arguments, more))
        return 10, 4

    monkeypatch.setattr(deblur, "_import_video", lambda: note)
    return calls


def run(*words):
    parser = argparse.ArgumentParser()
    deblur.add_arguments(parser)
    return deblur.run(parser.parse_args(words))


def test_a_video_goes_to_the_filter(videos, capsys):
    words = "a.mp4 -o out.mp4 --start 1:30 --end 95.5 --codec h265 --quality 20 --strength 0.5"
    assert run(*words.split()) == 0
    ((arguments, more),) = videos
    assert arguments == (Path("a.mp4"), Path("out.mp4"), 90, 95.5, "h265", 20)
    assert (more["strength"], more["temporal"]) == (0.5, 3)
    assert more["method"] == "smfd"
    assert capsys.readouterr().out == "out.mp4: frames written: 10, frames with faces: 4\n"


def test_a_video_has_the_defaults_of_the_filter(videos):
    run("a.mp4", "-o", "out.mp4")
    ((_, more),) = videos
    filter_arguments = inspect.signature(video_filter.deblur).parameters
    for name in ("temporal", "sharp_gate", "strength", "threshold", "device", "detector", "method"):
        assert more[name] == filter_arguments[name].default, name


def test_several_videos_go_to_a_folder(videos):
    run("a.mp4", "b.MKV", "-o", "out")
    assert [call[0][1] for call in videos] == [Path("out/a.mp4"), Path("out/b.MKV")]


def test_in_a_folder_a_video_becomes_matroska_if_its_kind_cannot_hold_the_codec(videos, capsys):
    assert run("c.mts", "d.ogv", "-o", "out") == 0
    assert [call[0][1] for call in videos] == [Path("out/c.mts"), Path("out/d.mkv")]
    assert "out/d.mkv: frames written" in capsys.readouterr().out


def test_a_camcorder_s_file_is_a_video(videos):
    assert run("c.mts", "-o", "out.mp4") == 0
    assert run("d.ogv", "-o", "out.webm", "--codec", "av1") == 0
    assert [call[0][0] for call in videos] == [Path("c.mts"), Path("d.ogv")]


@pytest.mark.parametrize(("bad", "code"), [(("a.mp4",), 1), (("a.mp4", "b.MKV"), 2)])
def test_a_video_that_cannot_be_done_does_not_stop_the_others(
    videos, monkeypatch, capsys, bad, code
):
    def refuse(source, target, *rest, **more):
        if source.name in bad:
            kind = ValueError if source.suffix == ".mp4" else OSError
            raise kind(f"{source} holds no video")
        return 10, 4

    monkeypatch.setattr(deblur, "_import_video", lambda: refuse)
    assert run("a.mp4", "b.MKV", "-o", "out") == code
    printed = capsys.readouterr()
    assert printed.err == "".join(f"smfd: {name} holds no video\n" for name in bad)
    assert printed.out.count("frames written: 10") == 2 - len(bad)


def test_pictures_go_to_the_pictures_command(videos, monkeypatch):
    monkeypatch.setattr(deblur.pictures, "run", lambda args: 7)
    assert run("photo.png", "-o", "out.png") == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("a.mp4 photo.png -o out", "a.mp4 is a video, other inputs are not"),
        ("a.mp4 b.MKV -o out.mp4", "name a folder"),
        ("a.mp4 -o photo.png", "photo.png is no video"),
        ("a.mp4 -o sharp.gif", r"sharp\.gif is no video \(.mp4, "),
        ("photo.png -o sharp.mp4", r"sharp\.mp4 is no picture"),
        ("a.mp4 sub/a.mp4 -o out", "two inputs would both become out/a.mp4"),
        ("a.mp4 -o a.mp4", "would replace the video itself"),
        ("a.mp4 -o b.MKV", "--overwrite replaces it"),
        ("missing.mp4 -o out.mp4", "no file missing.mp4"),
        ("a.mp4 -o out.mp4 --max-crop 256", "--max-crop is for pictures only"),
        ("b.MKV -o out.mp4 --detector-folder sub", "--detector-folder is for pictures only"),
        ("photo.png -o out.png --sharp-gate 2", "--sharp-gate is for videos only"),
        ("photo.png -o out.png --end 2", "--end is for videos only"),
        ("a.mp4 -o out.mkv --codec ffv1 --quality 9", "--quality: ffv1 has none to choose"),
        ("a.mp4 -o out.mkv --quality 52", "--quality of h264 is 0 to 51, not 52"),
        ("a.mp4 -o out.mkv --codec av1 --quality -5", "--quality of av1 is 0 to 63, not -5"),
        ("a.mp4 -o out.webm", r"out\.webm: \.webm does not hold h264; take --codec av1, or name"),
        ("a.mp4 -o sub/d.mpg", r"sub/d\.mpg: \.mpg does not hold h264; name sub/d\.mkv"),
        ("d.ogv d.mpg -o out", "two inputs would both become out/d.mkv"),
        ("film.xyz -o out.mp4", r"film\.xyz is no picture \(.png, .* and no video \(.mp4, "),
        ("b.DNG -o out.jpg", r"cannot read b\.DNG; save it as JPEG or PNG first"),
        ("a.mp4 -o out.mp4 --start 9 --end 8", "--end 8 s is not after --start 9 s"),
    ],
)
def test_mistakes_are_named_before_anything_is_done(videos, words, message):
    with pytest.raises((ValueError, OSError), match=message):
        run(*words.split())
    assert not videos


def test_videos_that_are_there_are_left_out_if_told(videos, capsys):
    Path("out").mkdir()
    Path("out/a.mp4").write_text("mine")
    assert run("a.mp4", "b.MKV", "-o", "out", "--skip-existing") == 0
    assert [call[0][1] for call in videos] == [Path("out/b.MKV")]
    assert capsys.readouterr().out.startswith("out/a.mp4: already there\nout/b.MKV: frames")


def test_overwrite(videos):
    assert plan([Path("a.mp4")], Path("b.MKV"), True, "h264") == [(Path("a.mp4"), Path("b.MKV"))]


def test_times():
    assert [seconds(text) for text in ("90", "1:30", "01:01:01.5", "0")] == [90, 90, 3661.5, 0]
    for text in ("soon", "1:2:3:4", "-5", "nan"):
        with pytest.raises(argparse.ArgumentTypeError, match="is no time"):
            seconds(text)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "smfd_plugin.vapoursynth.video", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'smfd-plugin\[video\]'"):
        deblur._import_video()
