import warnings

import numpy as np
import pytest
import torch

from smfd_plugin import FaceDeblurrer
from smfd_plugin.restore import deblurrer as module
from smfd_plugin.restore import network
from smfd_plugin.restore.method import MasksAlone
from smfd_plugin.restore.sizes import TRAINED_SIDE, run_aligned


@pytest.fixture
def deblurrer(tiny_weights):
    return FaceDeblurrer(tiny_weights, "cpu", detector="tiny")


@pytest.fixture
def with_net(tiny_weights, stand_in, monkeypatch):
    """Makes a FaceDeblurrer whose network calls a function."""

    def make(change, **options):
        monkeypatch.setattr(module, "load_method", lambda *_: stand_in(change))
        return FaceDeblurrer(None, "cpu", detector="tiny", **options)

    return make


def sharpen(lq):
    return lq + 0.5 * (lq - lq.roll(1, -1))


def test_restores_a_portrait(deblurrer, astronaut):
    before = astronaut.copy()
    result = deblurrer.restore(astronaut)
    assert result.image.shape == astronaut.shape and result.image.dtype == np.uint8
    assert np.array_equal(astronaut, before)
    (face,) = result.faces
    assert face.box.shape == (4,) and face.landmarks.shape == (5, 2) and 0.9 < face.score <= 1
    assert face.crop.shape == face.restored.shape == (256, 256, 3)
    assert face.crop.dtype == face.restored.dtype == np.uint8
    assert not deblurrer.net.training


def test_colours_are_not_swapped(with_net, astronaut):
    """The suit's orange and a crop's skin are redder than blue, in BGR."""
    (face,) = with_net(lambda lq: lq).restore(astronaut).faces
    for image in (face.crop, face.restored):
        blue, _, red = image[100:150, 100:150].mean((0, 1))
        assert red > blue + 20

    def only_red(lq):
        return lq + torch.tensor([0.3, 0, 0]).view(3, 1, 1) * torch.linspace(-1, 1, lq.shape[-1])

    change = np.abs(with_net(only_red).restore(astronaut).image.astype(int) - astronaut)
    assert change[..., 2].max() > 10 and change[..., :2].max() <= 1


def test_a_network_that_changes_nothing_gives_the_picture_back(with_net, astronaut):
    result = with_net(lambda lq: lq).restore(astronaut)
    assert len(result.faces) == 1
    assert np.array_equal(result.image, astronaut)


def test_pixels_outside_the_face_are_the_same_and_its_colour_is_kept(with_net, astronaut):
    image = with_net(sharpen).restore(astronaut).image
    changed = (image != astronaut).any(2)
    assert changed[60:170, 180:270].mean() > 0.3
    assert not changed[250:].any() and not changed[:, 350:].any()
    shift = (image.astype(float) - astronaut)[changed].mean(0)
    assert np.abs(shift).max() < 1


def test_sixteen_bit_stays_sixteen_bit(with_net, astronaut):
    fine = astronaut.astype(np.uint16) * 257
    fine[::2][fine[::2] < 65000] += 3
    result = with_net(lambda lq: lq).restore(fine)
    assert result.image.dtype == np.uint16 and np.array_equal(result.image, fine)
    assert result.faces[0].crop.dtype == np.uint16
    sharp = with_net(sharpen).restore(fine).image
    assert len(np.unique(sharp[60:170, 180:270] % 257)) > 100
    coarse = with_net(sharpen).restore(astronaut).image
    assert np.abs(sharp / 257 - coarse).max() < 1


def test_no_face(deblurrer):
    grey = np.full((90, 120, 3), 127, np.uint8)
    result = deblurrer.restore(grey)
    assert result.faces == [] and np.array_equal(result.image, grey)
    assert result.image is not grey


def test_no_strength_no_change(with_net, astronaut):
    result = with_net(sharpen, strength=np.float32(0)).restore(astronaut)
    assert np.array_equal(result.image, astronaut) and len(result.faces) == 1


def test_the_largest_crop_is_chosen(with_net, astronaut):
    for size, side in ((128, 128), (512, 256)):  # the face's side is 166 pixels long
        (face,) = with_net(sharpen, max_crop=size).restore(astronaut).faces
        assert face.crop.shape == face.restored.shape == (side, side, 3)


@pytest.mark.parametrize("half", [False, True])
def test_half_precision_is_chosen(astronaut, monkeypatch, half):
    monkeypatch.setattr(network, "half_dtype", lambda device: torch.bfloat16)
    deblurrer = FaceDeblurrer("tiny", "cpu", half, "tiny")
    seen = []
    deblurrer.net.register_forward_pre_hook(
        lambda *_: seen.append(torch.is_autocast_enabled("cpu"))
    )
    deblurrer.restore(astronaut)
    deblurrer.deblur_aligned(astronaut[None, :64, :64])
    deblurrer.parse_aligned(astronaut[None, :64, :64])
    assert seen == [half] * 3


def test_views_and_tiny_pictures_are_fine(deblurrer, astronaut):
    flipped = astronaut[:, ::-1]
    assert len(deblurrer.restore(flipped).faces) == 1
    assert deblurrer.restore(astronaut[:1, :1]).faces == []


@pytest.mark.parametrize("size", [(32, 32), (33, 57), (257, 96)])
def test_aligned_faces_of_any_size(astronaut, size):
    deblurrer = FaceDeblurrer("tiny", "cpu", detector="tiny")
    height, width = size
    faces = np.stack([astronaut[top : top + height, 180 : 180 + width] for top in (0, 20, 40)])
    sharp, masks = deblurrer.deblur_aligned(faces), deblurrer.parse_aligned(faces)
    assert sharp.shape == faces.shape and sharp.dtype == np.uint8
    assert masks.shape == faces.shape[:3] and masks.dtype == np.uint8
    lq = torch.from_numpy(faces).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        if max(size) < TRAINED_SIDE:
            image, _ = run_aligned(deblurrer.net, lq)
            _, logits = run_aligned(MasksAlone(deblurrer.net), lq)
        else:
            image, logits = deblurrer.net(lq, return_masks=True)
    expected = (image.clamp(0, 1) * 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(sharp - expected).max() < 0.51
    assert (masks == logits.argmax(1).numpy()).mean() > 0.999


def test_to_parse_aligned_faces_restores_none(deblurrer):
    def never(*_) -> None:
        raise AssertionError("nothing is to be restored")

    hook = deblurrer.net.stem.register_forward_pre_hook(never)
    try:
        assert deblurrer.parse_aligned(np.zeros((1, 64, 64, 3), np.uint8)).shape == (1, 64, 64)
    finally:
        hook.remove()


def test_no_aligned_faces(deblurrer):
    none = np.zeros((0, 64, 64, 3), np.uint8)
    assert deblurrer.deblur_aligned(none).shape == none.shape
    assert deblurrer.parse_aligned(none).shape == (0, 64, 64)


@pytest.mark.parametrize("count", [0, 1])
def test_aligned_faces_may_be_reversed_in_any_direction(deblurrer, astronaut, count):
    faces = astronaut[None, :64, 180:244].copy()
    for turned in (faces[::-1], faces[:, ::-1], faces[:, :, ::-1], faces[..., ::-1]):
        sharp = deblurrer.deblur_aligned(turned[:count])
        assert sharp.shape == (count, 64, 64, 3)
        assert np.array_equal(sharp, deblurrer.deblur_aligned(turned.copy()[:count]))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((40, 40), np.uint8), r"image must have shape \(H, W, 3\), not \(40, 40\)"),
        (np.zeros((40, 40, 4), np.uint8), "shape"),
        (np.zeros((0, 40, 3), np.uint8), "shape"),
        (np.zeros((40, 40, 3), np.float32), "uint8 or uint16, not float32"),
        ([[1, 2, 3]], "not list"),
        (None, r"not NoneType; did cv2.imread find the file\?$"),
    ],
)
def test_pictures_of_the_wrong_kind(deblurrer, image, words):
    with pytest.raises(ValueError, match=words):
        deblurrer.restore(image)


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        (np.zeros((64, 64, 3), np.uint8), r"faces must have shape \(N, H, W, 3\)"),
        (np.zeros((1, 3, 64, 64), np.uint8), "shape"),
        (np.zeros((1, 31, 64, 3), np.uint8), "at least 32"),
        (np.zeros((1, 64, 64, 3), np.uint16), "uint8, not uint16"),
    ],
)
def test_aligned_faces_of_the_wrong_kind(deblurrer, faces, words):
    for method in (deblurrer.deblur_aligned, deblurrer.parse_aligned):
        with pytest.raises(ValueError, match=words):
            method(faces)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"detector": "dlib"}, "unknown detector 'dlib'"),
        ({"strength": 1.5}, "strength is 1.5"),
        ({"max_crop": 500}, "max_crop is 500"),
        ({"threshold": 2}, "threshold is 2"),
        ({"weights": "nothing.pth"}, "no weights file nothing.pth"),
    ],
)
def test_options_are_checked_at_once(tiny_weights, options, words):
    with pytest.raises(ValueError, match=words):
        FaceDeblurrer(**{"weights": tiny_weights, "detector": "tiny", **options})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strength": "1"}, "strength must be a number, not str"),
        ({"threshold": "x"}, "threshold must be a number, not str"),
        ({"weights": 5}, "weights must be a path or a name, not int"),
    ],
)
def test_options_of_another_type_are_named(tiny_weights, options, words):
    with pytest.raises(TypeError, match=words):
        FaceDeblurrer(**{"weights": tiny_weights, "detector": "tiny", **options})


@pytest.mark.gpu
@pytest.mark.parametrize("half", [False, True])
def test_the_gpu_gives_nearly_the_same(tiny_weights, astronaut, half):
    cpu = FaceDeblurrer(tiny_weights, "cpu", detector="tiny").restore(astronaut).image
    gpu = FaceDeblurrer(tiny_weights, "cuda", half, "tiny").restore(astronaut).image
    assert np.abs(cpu.astype(int) - gpu).max() <= 4


def test_difface_restores_a_portrait_and_draws_masks(tiny_difface, astronaut):
    deblurrer = FaceDeblurrer(tiny_difface, "cpu", detector="tiny", method="difface")
    result = deblurrer.restore(astronaut)
    assert len(result.faces) == 1 and (result.image != astronaut).any()
    assert np.array_equal(result.image, deblurrer.restore(astronaut).image)
    assert np.array_equal(result.image[300:], astronaut[300:])
    faces = result.faces[0].crop[None, ..., ::-1]
    assert deblurrer.deblur_aligned(faces).shape == faces.shape
    assert len(np.unique(deblurrer.parse_aligned(faces))) > 3


def test_aligned_faces_may_be_read_only(deblurrer):
    faces = np.zeros((1, 32, 32, 3), np.uint8)
    faces.flags.writeable = False
    torch.set_warn_always(True)  # not only the first time in a process
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert deblurrer.deblur_aligned(faces).shape == faces.shape
    finally:
        torch.set_warn_always(False)


def test_a_device_that_lacks_memory_beside_the_network_says_so(deblurrer, astronaut, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr("smfd_plugin.restore.align.warp", full)
    with pytest.raises(MemoryError, match="cpu lacks memory"):
        deblurrer.restore(astronaut)
    monkeypatch.setattr("smfd_plugin.restore.deblurrer.run_aligned", full)
    with pytest.raises(MemoryError, match="cpu lacks memory"):
        deblurrer.deblur_aligned(astronaut[None, :64, :64])


def test_many_aligned_faces_go_in_several_batches(deblurrer, astronaut, monkeypatch):
    faces = np.stack([astronaut[top : top + 64, 180:244] for top in range(0, 100, 20)])
    whole = deblurrer.deblur_aligned(faces), deblurrer.parse_aligned(faces)
    batches = []

    def counted(net, part, half):
        batches.append(len(part))
        return run_aligned(net, part, half)

    monkeypatch.setattr("smfd_plugin.restore.deblurrer.run_aligned", counted)
    monkeypatch.setattr("smfd_plugin.restore.deblurrer.MAX_BATCH_PIXELS", 2 * TRAINED_SIDE**2)
    assert np.abs(deblurrer.deblur_aligned(faces).astype(int) - whole[0]).max() <= 1
    assert (deblurrer.parse_aligned(faces) == whole[1]).mean() > 0.999
    assert batches == [2, 2, 1] * 2
