import io
import signal
import subprocess
import sys

import cv2
import pytest

from smfd_plugin.cli import COMMANDS, basicsr_main, smfd_main
from smfd_plugin.common.whole_files import whole_file


@pytest.fixture
def photo(tmp_path, astronaut):
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), astronaut)
    return path


def test_help_names_every_command_and_an_example(capsys):
    with pytest.raises(SystemExit) as end:
        smfd_main(["-h"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for word in (*COMMANDS, "smfd deblur photo.jpg -o sharp.jpg", "core.smfd.Deblur", "basicsr"):
        assert word in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        smfd_main([command, "-h"])
    assert end.value.code == 0
    assert f"usage: smfd {command}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["sharpen"], ["deblur"], ["deblur", "a.png"]])
def test_a_wrong_call_shows_how_it_goes(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        smfd_main(arguments)
    assert end.value.code == 2
    assert "usage: smfd" in capsys.readouterr().err


def test_deblurs(photo, tmp_path, tiny_weights):
    words = ["deblur", str(photo), "-o", str(tmp_path / "out.png"), "--weights", str(tiny_weights)]
    assert smfd_main(words) == 0
    assert (cv2.imread(str(tmp_path / "out.png")) != cv2.imread(str(photo))).any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--weights", "none.pth"], "no weights file none.pth"),
        (["--device", "gpu"], "unknown device 'gpu'"),
        (["--detector-folder", "nowhere"], "no folder nowhere"),
        (["--threshold", "7"], "threshold is 7.0"),
        (["--strength", "-1"], "strength is -1.0"),
    ],
)
def test_mistakes_are_one_line(photo, tmp_path, tiny_weights, options, words, capsys):
    base = ["deblur", str(photo), "-o", str(tmp_path / "out.png"), "--weights", str(tiny_weights)]
    assert smfd_main([*base, *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("smfd: ") and words in error and error.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_a_process_ends_with_the_exit_code_and_no_traceback(tmp_path):
    call = "import sys; from smfd_plugin.cli import smfd_main; sys.exit(smfd_main())"
    result = subprocess.run(
        [sys.executable, "-c", call, "deblur", str(tmp_path / "no.png"), "-o", str(tmp_path / "o")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == f"smfd: no file or folder {tmp_path / 'no.png'}"
    assert "Traceback" not in result.stderr


def test_an_interrupt_is_no_traceback(monkeypatch, capsys):
    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr("smfd_plugin.restore.command.run", interrupted)
    assert smfd_main(["deblur", "a.png", "-o", "b.png"]) == 130
    assert capsys.readouterr().err == "smfd: interrupted\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_as_ctrl_c_does(tmp_path, monkeypatch, capsys, as_set, number):
    as_set(number, signal.SIG_DFL)

    def stopped(args):
        with whole_file(tmp_path / "b.png"):
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(number)  # a terminal that closes sends two

    monkeypatch.setattr("smfd_plugin.restore.command.run", stopped)
    assert smfd_main(["deblur", "a.png", "-o", "b.png"]) == 128 + number
    assert capsys.readouterr().err == "smfd: interrupted\n"
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(number) is signal.SIG_DFL


def test_nohup_keeps_it_running(monkeypatch, as_set):
    monkeypatch.setattr(
        "smfd_plugin.restore.command.run", lambda args: signal.raise_signal(signal.SIGHUP) or 0
    )
    as_set(signal.SIGHUP, signal.SIG_IGN)
    assert smfd_main(["deblur", "a.png", "-o", "b.png"]) == 0


def test_a_file_name_that_is_no_text_is_printed(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr("smfd_plugin.restore.command.run", lambda args: print(args.inputs[0]) or 0)
    assert smfd_main(["deblur", "a\udcff.png", "-o", "b.png"]) == 0
    assert stream.buffer.getvalue() == b"a\\udcff.png\n"


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_closed_stream_stops_nothing(photo, tmp_path, tiny_weights, monkeypatch, name):
    monkeypatch.setattr(sys, name, None)
    words = ["deblur", str(photo), "-o", str(tmp_path / "out.png"), "--weights", str(tiny_weights)]
    assert smfd_main(words) == 0
    assert (tmp_path / "out.png").exists()
    monkeypatch.setattr(sys, name, None)
    monkeypatch.setattr("smfd_plugin.pipeline.main", lambda argv: getattr(sys, name).write("a"))
    assert basicsr_main([]) == 1


def test_basicsr_is_handed_on(monkeypatch):
    seen = []
    monkeypatch.setattr("smfd_plugin.pipeline.main", lambda argv: seen.append(argv) or 7)
    assert basicsr_main(["train", "-opt", "a.yml"]) == 7
    assert seen == [["train", "-opt", "a.yml"]]
