from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from smfd_plugin.cli import smfd_main
from smfd_plugin.common.path_arguments import path_argument


def test_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    given = ("a/b.png", ".", "./-", "~/x.jpg", "~draft.jpg", "a~b")
    paths = ("a/b.png", ".", "-", "/home/me/x.jpg", "~draft.jpg", "a~b")
    assert [path_argument(text) for text in given] == [Path(path) for path in paths]


@pytest.mark.parametrize(("text", "words"), [("", "the path is empty"), ("-", "files only")])
def test_what_is_no_path(text, words):
    with pytest.raises(ArgumentTypeError, match=words):
        path_argument(text)


@pytest.mark.parametrize(
    "words",
    [
        ["deblur", "?", "-o", "out.png"],
        ["deblur", "in.png", "-o", "?"],
        ["deblur", "in.png", "-o", "out.png", "--detector-folder", "?"],
        ["prepare", "folder", "?", "-o", "out"],
        ["prepare", "folder", "in", "-o", "?"],
        ["prepare", "celeba", "in", "-o", "out", "--parsing-weights", "?"],
        ["export", "-o", "?"],
        ["demo", "-o", "?"],
    ],
)
@pytest.mark.parametrize(("text", "said"), [("", "the path is empty"), ("-", "files only")])
def test_no_command_takes_it(tmp_path, monkeypatch, capsys, words, text, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        smfd_main([text if word == "?" else word for word in words])
    assert end.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
