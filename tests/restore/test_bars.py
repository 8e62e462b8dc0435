import cv2
import numpy as np
import pytest
import torch

from smfd_plugin.data.scenario import Scenario
from smfd_plugin.data.tensors import to_tensor
from smfd_plugin.restore import deblur_faces, restore_faces
from smfd_plugin.restore.bars import content_box
from smfd_plugin.restore.faces import blend_faces
from smfd_plugin.weights import load_network


@pytest.fixture
def barred(frame):
    """The portrait, shown from row 60 to 400 and column 30 on only."""
    picture = frame.clamp(min=0.2)
    picture[:, :60] = picture[:, 400:] = 0
    picture[:, :, :30] = 0
    return picture


def test_bars_are_found_at_all_sides(barred):
    assert content_box(barred, []) == (30, 60, 512, 400)
    assert content_box(barred.flip(1, 2), []) == (0, 112, 482, 452)
    assert content_box(barred[:, 60:400, 30:], []) == (0, 0, 482, 340)


def test_bars_may_be_compressed_but_what_shows_something_is_no_bar(barred):
    noise = torch.rand(barred.shape, generator=torch.Generator().manual_seed(0)) * 6 / 255
    assert content_box((barred + 16 / 255 * (barred == 0) + noise).clamp(0, 1), [])[1] == 60
    lit = barred.clone()
    lit[:, 20, 200:250] = 0.2
    assert content_box(lit, []) == (30, 20, 512, 400)
    lit[:, 10, 5] = torch.nan
    assert content_box(lit, [])[1] == 10
    grey = barred.clone()
    grey[:, :60] = 30 / 255
    assert content_box(grey, [])[1] == 0


def test_where_a_face_lies_is_no_bar(barred):
    landmarks = np.float32([(100, 80), (140, 80), (120, 100), (110, 120), (130, 120)])
    assert content_box(barred, [landmarks]) == content_box(barred, [])
    above, left, right, below = (
        landmarks + shift for shift in [(0, -30), (-75, 0), (390, 0), (0, 290)]
    )
    assert content_box(barred, [landmarks, above]) == (30, 0, 512, 400)
    assert content_box(barred, [left]) == (0, 60, 512, 400)
    assert content_box(barred, [below]) == (30, 60, 512, 512)
    assert content_box(barred.flip(2), [right]) == (0, 60, 512, 400)


def test_a_face_in_the_dark_is_restored(astronaut, face):
    """It is as dark and as even as a bar; what is lit is a lamp."""
    dark = to_tensor(np.ascontiguousarray(astronaut))[0] * 0.08
    dark[:, -20:, -20:] = 0.9
    left, top, *_ = content_box(dark, [])
    assert left > face.box[2] or top > face.box[3]
    restored = blend_faces(dark, restore_faces(load_network("smfd-unet").eval(), dark, [face]))
    assert ((restored - dark) != 0).sum() > 10_000


def test_bars_into_which_jpeg_rings_are_bars(astronaut):
    picture = astronaut.copy()
    picture[:77] = 0
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    shown = to_tensor(cv2.imdecode(data, cv2.IMREAD_COLOR))[0]
    left, top, right, bottom = content_box(shown, [])
    assert (left, right, bottom) == (0, 512, 512) and 75 <= top <= 77


@pytest.mark.parametrize("value", [0.0, 0.05])
def test_a_black_picture_is_its_own_content(value):
    assert content_box(torch.full((3, 40, 50), value), []) == (0, 0, 50, 40)


def test_the_network_sees_no_bars_and_they_stay_as_they_are(barred, face, stand_in):
    content = content_box(barred, [face.landmarks])
    (seen,) = deblur_faces(stand_in(lambda lq: lq), barred, [face], content)
    assert seen.crop.min() > 0.1
    result = blend_faces(barred, restore_faces(stand_in(lambda lq: lq + 0.3), barred, [face]))
    assert torch.equal(result[:, :60], barred[:, :60])
    assert torch.equal(result[:, :, :30], barred[:, :, :30])


def test_a_face_between_bars_gains_as_one_without(astronaut, face):
    """With the bars in its sight the network gains less than half of it."""
    net = load_network("smfd-unet").eval()
    blurry = Scenario("line", 21, 35.0, 0, 0.4, 0.4, 1.0, 1.0, 0, "noise-jpeg").apply(astronaut)
    top, bottom = (round(float(edge)) for edge in face.box[[1, 3]])
    gains = []
    for black in (0, 1):
        sharp, lq = (to_tensor(np.ascontiguousarray(x))[0] for x in (astronaut, blurry))
        if black:
            for picture in (sharp, lq):
                picture[:, : top - 5] = picture[:, bottom + 5 :] = 0
        result = blend_faces(lq, restore_faces(net, lq, [face]))
        part = np.s_[:, top + 10 : bottom - 10, int(face.box[0]) : int(face.box[2])]
        errors = [(each - sharp)[part].square().mean() for each in (lq, result)]
        gains.append(float(10 * (errors[0] / errors[1]).log10()))
    assert gains[0] > 3 and gains[1] > 0.8 * gains[0], gains
