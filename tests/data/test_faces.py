import cv2
import numpy as np
import pytest
from basicsr.utils.lmdb_util import make_lmdb_from_imgs
from PIL import Image

from smfd_plugin.data.faces import Face, FaceFolder


def test_lists_faces_and_their_masks(faces):
    assert FaceFolder(faces).faces == [Face("a", True), Face("b", False), Face("c", True)]


def test_reads_bgr_and_grouped_classes(faces):
    image, classes = FaceFolder(faces).read(Face("a", True), 64)
    assert np.array_equal(image, cv2.imread(str(faces / "images/a.png")))
    assert classes[0, 0] == 0
    assert classes[20, 20] == 1  # skin
    assert classes[50, 50] == 3  # eyes


def test_resizes_both(faces):
    image, classes = FaceFolder(faces).read(Face("a", True), 32)
    assert image.shape == (32, 32, 3)
    assert classes.shape == (32, 32)
    assert set(np.unique(classes)) == {0, 1, 3}


def test_masks_are_resized_about_the_centres_of_pixels(faces):
    """What is symmetrical stays so, as in the picture."""
    cv2.imwrite(str(faces / "masks/b.png"), np.pad(np.ones((18, 18), np.uint8), 21))
    for size in (36, 84):
        _, classes = FaceFolder(faces).read(Face("b", True), size)
        assert classes.any() and np.array_equal(classes, classes[::-1, ::-1])


def test_a_small_file_is_enlarged_no_further_than_asked(faces):
    folder = FaceFolder(faces)
    for size, least, side in ((96, 32, 64), (96, 80, 80), (48, 32, 48)):
        image, classes = folder.read(Face("a", True), size, least)
        assert image.shape == (side, side, 3)
        assert classes.shape == (side, side)


def test_a_face_without_mask_is_background(faces):
    assert not FaceFolder(faces).read(Face("b", False), 64)[1].any()


def test_palette_masks_keep_their_indices(faces):
    labels = Image.fromarray(np.full((64, 64), 13, np.uint8)).convert("P")
    labels.putpalette([255 - i // 3 for i in range(768)])
    labels.save(faces / "masks/b.png")
    assert (FaceFolder(faces).read(Face("b", True), 64)[1] == 6).all()  # hair


def test_a_mask_is_a_png(faces):
    cv2.imwrite(str(faces / "masks/b.jpg"), np.zeros((64, 64), np.uint8))
    assert FaceFolder(faces).faces[1] == Face("b", False)


def test_lmdb_gives_the_same_faces(faces):
    disk = FaceFolder(faces)
    expected = [disk.read(face, 64) for face in disk.faces]
    for kind, names in (("images", "abc"), ("masks", "ac")):
        make_lmdb_from_imgs(
            str(faces / kind),
            str(faces / f"{kind}.lmdb"),
            [f"{name}.png" for name in names],
            list(names),
            map_size=2**24,
        )
    for kind in ("images", "masks"):
        for path in (faces / kind).iterdir():
            path.unlink()
    lmdb = FaceFolder(faces)
    assert lmdb.faces == disk.faces
    for face, (image, classes) in zip(lmdb.faces, expected, strict=True):
        again = lmdb.read(face, 64)
        assert np.array_equal(again[0], image)
        assert np.array_equal(again[1], classes)


def test_a_missing_folder_says_where_to_get_faces(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*CelebAMask-HQ.*smfd prepare"):
        FaceFolder(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n half"])
def test_a_broken_picture_is_named(faces, content):
    (faces / "images/a.png").write_bytes(content)
    with pytest.raises(ValueError, match="image a is not a readable picture"):
        FaceFolder(faces).read(Face("a", True), 64)


def test_a_broken_mask_is_named(faces):
    (faces / "masks/a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="mask a is not a readable picture"):
        FaceFolder(faces).read(Face("a", True), 64)


@pytest.mark.parametrize("kind", ["image", "mask"])
def test_a_face_or_mask_that_is_not_square_is_named(faces, kind):
    cv2.imwrite(str(faces / f"{kind}s/a.png"), np.zeros((64, 48), np.uint8))
    with pytest.raises(ValueError, match=f"{kind} a is 48x64 pixels; a face .* is square"):
        FaceFolder(faces).read(Face("a", True), 64)


def test_a_mask_that_is_damaged_in_its_middle_is_named(faces):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 19, (512, 512), np.uint8)).save(faces / "masks/a.png")
    data = (faces / "masks/a.png").read_bytes()
    second = data.index(b"IDAT", data.index(b"IDAT") + 4)
    (faces / "masks/a.png").write_bytes(data[:second] + b"\0\0\0\0" + data[second + 4 :])
    with pytest.raises(ValueError, match="mask a is not a readable picture"):
        FaceFolder(faces).read(Face("a", True), 64)


def test_a_mask_of_too_many_pixels_is_named(faces, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="mask a is not a readable picture"):
        FaceFolder(faces).read(Face("a", True), 64)


@pytest.mark.parametrize("shape", [(64, 64, 3), (64, 64)])
def test_a_picture_that_is_no_mask_is_named(faces, shape):
    cv2.imwrite(str(faces / "masks/a.png"), np.full(shape, 19, np.uint8))
    with pytest.raises(ValueError, match="mask a must be a grey or palette PNG"):
        FaceFolder(faces).read(Face("a", True), 64)
