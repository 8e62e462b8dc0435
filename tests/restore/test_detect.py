import socket

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from smfd_plugin.restore import detect
from smfd_plugin.restore.detect import make_detector

MOBILE = "detection_mobilenet0.25_Final.pth"
EYES_NOSE_MOUTH = np.array([[205, 101], [247, 103], [224, 129], [203, 138], [244, 140]])
"""Of the portrait, by eye."""


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No detector may ask the network for anything."""

    def refuse(*args):
        raise AssertionError("a detector wants to download")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def facexlib_net():
    """facexlib's network with random weights that find many things."""
    from facexlib.detection.retinaface import RetinaFace

    torch.manual_seed(0)
    net = RetinaFace("mobile0.25", device=torch.device("cpu"))
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 1, 3)
    for head in net.ClassHead:
        torch.nn.init.normal_(head.conv1x1.weight, std=0.3)
    return net.eval()


@pytest.fixture
def facexlib_folder(facexlib_net, tmp_path):
    state = {f"module.{name}": value for name, value in facexlib_net.state_dict().items()}
    torch.save(state, tmp_path / MOBILE)
    return tmp_path


def test_finds_the_face_to_a_pixel_or_two(face):
    assert face.score > 0.95
    assert np.abs(face.landmarks - EYES_NOSE_MOUTH).max() < 3
    left, top, right, bottom = face.box
    assert left < 200 and right > 250 and 40 < top < 95 and 150 < bottom < 200
    assert face.box.dtype == face.landmarks.dtype == np.float32


def test_landmarks_are_finer_than_a_pixel(face):
    assert (face.landmarks % 1).any()


def test_moves_with_the_picture(frame, face, tiny_detector):
    (found,) = tiny_detector(torch.roll(frame, (64, 96), (1, 2)))
    assert np.abs(found.landmarks - face.landmarks - (96, 64)).max() < 1


def test_large_pictures_are_measured_in_their_own_pixels(frame, face, tiny_detector):
    large = F.interpolate(frame[None], scale_factor=6, mode="bilinear")
    small = F.interpolate(large, (1600, 1600), mode="bilinear", antialias=True)
    (found,), (shrunken,) = tiny_detector(large[0]), tiny_detector(small[0])
    centres = (shrunken.landmarks + 0.5) * 3072 / 1600 - 0.5
    np.testing.assert_allclose(found.landmarks, centres, atol=1e-3)
    np.testing.assert_allclose(found.box, shrunken.box * 3072 / 1600, atol=1e-3)
    assert np.abs(found.landmarks / 6 - face.landmarks).max() < 3


@pytest.mark.parametrize("times", [1, 6])
def test_bytes_are_pictures_too(frame, tiny_detector, times):
    size = [side * times for side in frame.shape[1:]]
    picture = F.interpolate(frame[None], size)[0].mul(255).round().byte()
    (one,), (other,) = tiny_detector(picture), tiny_detector(picture / 255)
    np.testing.assert_allclose(one.landmarks, other.landmarks, atol=1e-2)
    np.testing.assert_allclose(one.score, other.score, atol=1e-5)


@pytest.mark.parametrize(("times", "plus"), [(0.03, 0), (0.04, 0.5)])
def test_faces_in_the_dark_and_in_haze_are_found_where_they_are(
    frame, face, tiny_detector, times, plus
):
    (found,) = tiny_detector(((times * frame + plus) * 255).round().byte())
    assert np.abs(found.landmarks - face.landmarks).max() < 4


def test_finds_every_face_the_surest_first(frame, tiny_detector):
    wall = frame[:, :256, 96:352].repeat(1, 2, 3)
    wall[:, :256, :256] = F.avg_pool2d(F.pad(wall[:, :256, :256], (4,) * 4), 9, 1)
    found = tiny_detector(wall)
    assert len(found) == 6
    scores = [detection.score for detection in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("size", [(32, 32), (1, 1), (5, 400), (300, 200)])
def test_no_face(size, tiny_detector):
    grey = torch.rand(1, *size, generator=torch.Generator().manual_seed(0)).expand(3, -1, -1)
    assert tiny_detector(grey) == []


def test_threshold_decides(frame, face):
    assert make_detector("tiny", threshold=0.9999)(frame) == []


def test_reads_facexlibs_network_as_facexlib_does(frame, facexlib_net, facexlib_folder):
    part = frame[:, :300, :411]
    bgr = (part.permute(1, 2, 0).numpy()[..., ::-1] * 255).round().astype(np.uint8)
    with torch.no_grad():
        theirs = facexlib_net.detect_faces(np.ascontiguousarray(bgr), 0.7)
    ours = make_detector("retinaface", "cpu", 0.7, facexlib_folder)(part)
    assert len(ours) == len(theirs) > 5
    for found, row in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found.box, row[:4], atol=0.02)
        np.testing.assert_allclose(found.score, row[4], atol=1e-4)
        np.testing.assert_allclose(found.landmarks.ravel(), row[5:], atol=0.02)


def test_auto_takes_facexlibs_weights_if_they_are_on_disk(frame, face, facexlib_folder, tmp_path):
    auto, named = (
        make_detector(name, "cpu", 0.7, facexlib_folder) for name in ("auto", "retinaface")
    )
    assert [f.score for f in auto(frame)] == [f.score for f in named(frame)]
    empty = tmp_path / "empty"
    empty.mkdir()
    (found,) = make_detector("auto", folder=empty)(frame)
    assert np.array_equal(found.landmarks, face.landmarks)


def test_facexlibs_own_folder_is_where_facexlib_keeps_its_weights():
    from facexlib.utils import misc

    folder = detect._facexlib_folder()
    assert str(folder) == f"{misc.ROOT_DIR}/facexlib/weights"


def test_missing_weights_name_the_folder_and_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path.name}.*{MOBILE}.*tiny"):
        make_detector("retinaface", folder=tmp_path)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        make_detector("auto", folder=tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04"])
def test_damaged_weights(content, tmp_path):
    (tmp_path / MOBILE).write_bytes(content)
    with pytest.raises(ValueError, match=f"{MOBILE} does not hold"):
        make_detector("auto", folder=tmp_path)


def test_unknown_name():
    with pytest.raises(ValueError, match=r"'mtcnn'; known: auto, retinaface, tiny"):
        make_detector("mtcnn")


@pytest.mark.parametrize("threshold", [0, 1, -2, float("nan")])
def test_threshold_out_of_range(threshold):
    with pytest.raises(ValueError, match="threshold"):
        make_detector("tiny", threshold=threshold)


@pytest.mark.shared
def test_facexlibs_weights_find_the_face(shared, frame):
    folder = shared / "weights/facexlib"
    if not (folder / MOBILE).is_file() or (folder / MOBILE).stat().st_size == 0:
        pytest.skip(f"no weights in {folder / MOBILE}")
    (found,) = make_detector("retinaface", folder=folder)(frame)
    assert np.abs(found.landmarks - EYES_NOSE_MOUTH).max() < 3
