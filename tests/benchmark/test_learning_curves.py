import pytest

from smfd_plugin.benchmark.learning_curves import draw, main, read_log, smooth

LOG = """\
2026-11-24 21:59:01,000 INFO:
  name: first
  datasets:[
    train:[
      batch_size_per_gpu: 8
    ]
  ]
  world_size: 2

2026-11-24 22:00:00,000 INFO: [first..][epoch:  0, iter:   1,000, lr:(5.0e-04,)] [eta: 1:0:0, time \
(data): 0.5 (0.0)] l_mask: 8.0000e-02 l_pix: 3.0000e-02
2026-11-24 22:01:00,000 INFO: [first..][epoch:  0, iter:   2,000, lr:(5.0e-04,)] [eta: 1:0:0, time \
(data): 0.5 (0.0)] l_mask: 6.0000e-02 l_pix: 2.0000e-02
2026-11-24 22:01:48,557 INFO: Validation val100
\t # psnr: 26.7918\tBest: 26.7918 @ 3500 iter
\t # ssim: 0.7462\tBest: 0.7462 @ 3500 iter

2026-11-24 22:02:01,098 INFO: Validation val100: mask mIoU 0.6174
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "first.log"
    path.write_text(LOG)
    return path


def test_a_log_gives_losses_and_scores(log):
    found = read_log(log)
    assert found.losses == {
        "l_mask": [(1000, 0.08), (2000, 0.06)],
        "l_pix": [(1000, 0.03), (2000, 0.02)],
    }
    assert found.scores == {
        "val100 psnr": [(2000, 26.7918)],
        "val100 ssim": [(2000, 0.7462)],
        "val100 mIoU": [(2000, 0.6174)],
    }
    assert found.crops_per_step == 16


def test_runs_are_laid_end_to_end(log):
    figure = draw([read_log(log)] * 2)
    panel = next(axis for axis in figure.axes if axis.get_title() == "l_pix")
    smoothed = [line.get_xdata() for line in panel.lines[1::2]]
    assert [list(crops) for crops in smoothed] == [[16, 32], [48, 64]]


def test_the_steps_of_a_resumed_run_follow_on_the_ones_before(log, tmp_path):
    resumed = tmp_path / "resumed.log"
    start = "22:02:02,000 INFO: Start training from epoch: 1, iter: 2000\n"
    later = LOG.replace("iter:   2,000", "iter:   4,000").replace("iter:   1,000", "iter:   3,000")
    resumed.write_text(start + later)
    assert [step for step, _ in read_log(resumed).losses["l_pix"]] == [1000, 2000]


def test_smoothing_keeps_the_mean_of_a_noisy_curve():
    noisy = [(step, float(step % 2)) for step in range(40)]
    assert all(0.4 < value < 0.6 for _, value in smooth(noisy)[4:-4])
    assert [step for step, _ in smooth(noisy)] == list(range(40))


def test_the_command_writes_a_picture_and_names_what_is_no_log(log, tmp_path, monkeypatch, capsys):
    picture = tmp_path / "curves.png"
    monkeypatch.setattr("sys.argv", ["learning_curves", str(log), "-o", str(picture)])
    main()
    assert picture.read_bytes().startswith(b"\x89PNG")
    log.write_text("nothing\n")
    with pytest.raises(SystemExit):
        main()
    assert "first.log is no log of a training run" in capsys.readouterr().err
