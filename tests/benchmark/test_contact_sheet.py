import numpy as np
import pytest
import torch
import vapoursynth as vs

from smfd_plugin.benchmark import contact_sheet
from smfd_plugin.benchmark.moving_faces import load_portraits, make_film, to_clip
from smfd_plugin.data.template import ffhq_landmarks
from smfd_plugin.restore import make_detector


@pytest.fixture(autouse=True)
def tiny(tiny_weights, monkeypatch):
    real = contact_sheet.deblur
    monkeypatch.setattr(
        contact_sheet, "deblur", lambda clip, **more: real(clip, str(tiny_weights), **more)
    )


@pytest.fixture
def film():
    """One frame."""
    return to_clip(make_film(load_portraits(None, 1), 320, 240, 200, 1).sharp)


def test_the_sheet_shows_each_frame_before_and_after():
    film = make_film(load_portraits(None, 1), 320, 240, 200, 4)
    sheet = contact_sheet.contact_sheet(to_clip(film.sharp), 0, 2, 2)
    assert sheet.shape == (300, 300, 3)
    before, after = sheet[:150].astype(int), sheet[150:]
    assert np.abs(before[:, :150] - before[:, 150:]).mean() > 1  # another frame
    assert 0.5 < np.abs(before - after).mean() < 60


def test_what_is_restored_is_below(film, monkeypatch):
    real = contact_sheet.deblur

    def blacken(clip, **more):
        return real(clip, **more).std.Expr(["16", "128", "128"])

    monkeypatch.setattr(contact_sheet, "deblur", blacken)
    sheet = contact_sheet.contact_sheet(film, 0, 1, 1)
    assert sheet[:150].mean() > 50 and not sheet[150:].any()


def test_the_sheet_shows_the_middle_of_the_aligned_face(film):
    picture = contact_sheet.contact_sheet(film, 0, 1, 1)[:150, :, ::-1]
    (face,) = make_detector("tiny")(torch.from_numpy(picture.copy()).permute(2, 0, 1))
    assert np.abs(face.landmarks - (ffhq_landmarks(240) - 45)).max() < 10


def test_a_frame_without_a_face_is_named():
    blank = vs.core.std.BlankClip(width=160, height=96, format=vs.YUV420P8, length=2)
    with pytest.raises(ValueError, match="frame 1 shows no face"):
        contact_sheet.contact_sheet(blank.std.SetFrameProps(_Matrix=1), 1, 1, 1)


def test_a_folder_that_is_not_there_is_named_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["contact_sheet", "--portraits", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit):
        contact_sheet.main()
    assert "nowhere" in capsys.readouterr().err.splitlines()[-1]
