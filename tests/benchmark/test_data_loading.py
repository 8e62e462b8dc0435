import cv2

from smfd_plugin.benchmark import data_loading


def test_counts_the_pairs_of_one_worker(tmp_path, astronaut, monkeypatch, capsys):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.png"), astronaut[:64, :64])
    monkeypatch.setattr("sys.argv", ["data_loading", str(tmp_path), "--size=64", "--batches=2"])
    data_loading.main()
    line = capsys.readouterr().out
    assert int(line.split()[0]) > 0
    assert line.endswith("pairs of 64x64 a second from one worker\n")
