from importlib import import_module

import cv2
import pytest

from smfd_plugin.benchmark import data_loading


def test_counts_the_pairs_of_one_worker(tmp_path, astronaut, monkeypatch, capsys):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.png"), astronaut[:64, :64])
    monkeypatch.setattr("sys.argv", ["data_loading", str(tmp_path), "--size=64", "--batches=2"])
    data_loading.main()
    line = capsys.readouterr().out
    assert int(line.split()[0]) > 0
    assert line.endswith("pairs of 64x64 a second from one worker\n")


@pytest.mark.parametrize("name", ["data_loading", "flicker", "filter_speed", "network_speed"])
def test_the_measuring_commands_name_a_mistake_in_one_line(name, tmp_path, monkeypatch, capsys):
    mistakes = {
        "data_loading": ([str(tmp_path / "nowhere")], "no faces in"),
        "flicker": (["--portraits", str(tmp_path / "nowhere")], "nowhere"),
        "filter_speed": (["--portraits", str(tmp_path / "nowhere")], "nowhere"),
        "network_speed": (["--device", "tpu"], "unknown device 'tpu'"),
    }
    arguments, message = mistakes[name]
    monkeypatch.setattr("sys.argv", [name, *arguments])
    with pytest.raises(SystemExit) as stop:
        import_module(f"smfd_plugin.benchmark.{name}").main()
    assert stop.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
