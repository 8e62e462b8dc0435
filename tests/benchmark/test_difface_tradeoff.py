import copy

import cv2
import numpy as np
import pytest
import torch
from basicsr.metrics import calculate_psnr

from smfd_plugin.benchmark.difface_tradeoff import (
    BLURRY,
    Run,
    compare,
    compared_estimators,
    load_pairs,
    main,
    print_table,
    restored_faces,
    shown_columns,
    tradeoff_figure,
)
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.diffusion import restore, seeded_noise
from smfd_plugin.weights import load_network

SCENARIOS = (191495141684, 432214014629, 808428508237)


@pytest.fixture
def pairs(tmp_path, astronaut):
    """Three pairs of 32 pixels, of one face."""
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/astronaut.png"), astronaut[:256, 128:384])
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("\n".join(map(str, SCENARIOS)))
    return load_pairs(str(tmp_path), str(numbers), size=32, count=3)


@pytest.fixture
def difface(tiny_difface):
    return load_network(tiny_difface, "difface")


def test_pairs_are_blurred_large_and_shrunk(pairs, astronaut):
    face = np.ascontiguousarray(astronaut[:256, 128:384])
    assert len(pairs) == 3
    for pair, number in zip(pairs, SCENARIOS, strict=True):
        blurry = BlurSpace().apply(face, number)
        for picture, large in ((pair.lq, blurry), (pair.gt, face)):
            assert (picture == cv2.resize(large, (32, 32), interpolation=cv2.INTER_AREA)).all()


@torch.no_grad()
def test_every_way_to_restore_is_that_of_difface(difface):
    lq = torch.rand(2, 3, 32, 32)
    estimators = {"own": difface.estimator, "none": torch.nn.Identity()}
    done = dict(restored_faces(difface, estimators, lq, starts=[100, 200], etas=[0.0, 0.5]))
    assert len(done) == 1 + 2 * (1 + 2 * 2)
    assert torch.equal(done[Run(BLURRY)], lq)
    assert torch.equal(done[Run("none")], lq)
    torch.testing.assert_close(done[Run("own")], difface.estimator(lq).clamp(0, 1))
    torch.testing.assert_close(done[Run("own", 200, 0.5)], difface(lq))  # its own start is 2 of 10
    expected = restore(
        lq, torch.nn.Identity(), difface.prior, difface.schedule, 1, 0.0, seeded_noise([0, 0])
    )
    torch.testing.assert_close(done[Run("none", 100, 0.0)], expected)


def test_smfd_unet_as_the_own_estimator_is_compared_once(difface, tiny_net):
    ours = copy.deepcopy(tiny_net)
    assert list(compared_estimators(tiny_net, ours)) == ["SMFD-UNet"]
    with torch.no_grad():
        next(ours.parameters()).add_(1)
    assert list(compared_estimators(tiny_net, ours)) == ["SMFDUNet", "SMFD-UNet"]
    assert len(compared_estimators(difface.estimator, ours)) == 2


def test_steps_that_the_schedule_has_not_are_named(difface):
    runs = restored_faces(difface, {}, torch.rand(1, 3, 32, 32), starts=[150], etas=[0.5])
    with pytest.raises(ValueError, match=r"N is 150; .* multiples of 100"):
        next(runs)


def test_scores_are_means_over_all_pairs(pairs):
    def restorations(lq):
        yield Run(BLURRY), lq
        yield Run("black"), torch.zeros_like(lq)

    scores, faces = compare(pairs, restorations, {"mean": lambda face, gt: face.mean() - gt.mean()})
    black = -np.mean([pair.gt.mean() for pair in pairs])
    assert scores[Run("black")]["mean"] == pytest.approx(black)
    assert all((a == b.lq).all() for a, b in zip(faces[Run(BLURRY)], pairs, strict=True))


def test_table_and_figure_show_every_run(pairs, difface, capsys):
    def restorations(lq):
        return restored_faces(difface, {"own": difface.estimator}, lq, [100, 200], [0.0, 0.5])

    psnr = {"PSNR, dB": lambda face, gt: calculate_psnr(face, gt, crop_border=0)}
    scores, faces = compare(pairs, restorations, psnr | {"same": lambda face, gt: 1.0})
    print_table(scores, len(pairs))
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "| 3 pairs | N | eta | PSNR, dB | same |"
    assert len(rows) == 2 + len(scores)
    assert rows[-1].startswith("| own | 200 | 0.5 |") and rows[-1].endswith("| 1.000 |")
    columns = shown_columns(faces, [pair.gt for pair in pairs], eta=0.5)
    assert list(columns) == ["blurry\n", "own\n", "own\nN = 100", "own\nN = 200", "sharp\n"]
    figure = tradeoff_figure(scores, columns)
    (above, below) = figure.subfigs
    assert len(above.axes) == 2 and len(above.axes[0].lines) == 3
    assert list(above.axes[0].lines[1].get_xdata()) == [0, 100, 200]
    assert len(below.axes) == 3 * 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "nothing.pth"], "no weights file nothing.pth"),
        (["--weights", "smfd-unet"], "smfd-unet is of the method smfd, not difface"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["difface_tradeoff", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert message in capsys.readouterr().err.splitlines()[-1]
