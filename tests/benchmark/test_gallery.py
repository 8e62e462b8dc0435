import cv2
import numpy as np
import pytest

from smfd_plugin.benchmark.gallery import Pair, main, ranked, sheet


def pair(name, before=0, after=0, gain=None):
    return Pair(
        *(name, *(np.full((32, 32, 3), value, np.uint8) for value in (before, after))), gain
    )


def test_the_lowest_gain_comes_first_then_the_most_changed_without_truth():
    pairs = [
        pair("much", 0, 90),
        pair("good", gain=2.0),
        pair("little", 0, 10),
        pair("bad", gain=-1),
    ]
    assert [each.name for each in ranked(pairs)] == ["bad", "good", "much", "little"]


def test_a_sheet_has_before_on_the_left():
    picture = sheet([pair("a", 10, 200), pair("b", 30, 250)], [1, 2], 64)
    assert picture.shape == (64, 256, 3)
    assert [picture[5, x, 0] for x in (32, 96, 160, 224)] == [10, 200, 30, 250]


@pytest.fixture
def run(tmp_path, monkeypatch, astronaut, tiny_weights):
    (tmp_path / "faces/images").mkdir(parents=True)
    (tmp_path / "pictures").mkdir()
    cv2.imwrite(str(tmp_path / "faces/images/a.png"), astronaut[0:220, 115:335])
    cv2.imwrite(str(tmp_path / "pictures/whole.png"), astronaut)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        argv = ["gallery", "--weights", str(tiny_weights), *arguments, "-o", "out"]
        monkeypatch.setattr("sys.argv", argv)
        main()

    return call


def test_blurred_faces_and_those_found_in_pictures_are_shown(run, tmp_path, capsys):
    run("--faces", "faces", "--count", "2", "--pictures", "pictures")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 3
    assert lines[2].startswith("| 1 | a, ")
    assert lines[4].startswith("| 3 | whole 0, ")
    assert cv2.imread(str(tmp_path / "out/gallery.jpg")).shape == (128, 3 * 256, 3)
    run("--faces", "faces", "--count", "2", "--pick", "2")
    assert cv2.imread(str(tmp_path / "out/worst.jpg")).shape == (160, 320, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--faces, --pictures or both"),
        (("--faces", "nowhere"), "no faces in nowhere"),
        (("--pictures", "nowhere"), "no pictures in nowhere"),
        (("--faces", "faces", "--count", "2", "--pick", "3"), "from 1 to 2"),
    ],
)
def test_mistakes_are_named(run, capsys, arguments, message):
    with pytest.raises(SystemExit):
        run(*arguments)
    assert message in capsys.readouterr().err
