"""The three kinds of downloaded faces, as they are read."""

import cv2
import facexlib.parsing.bisenet
import numpy as np
import pytest
import torch

from smfd_plugin.common.torch_files import WeightsError
from smfd_plugin.data import sources
from smfd_plugin.data.mask_classes import LABELS
from smfd_plugin.data.template import ffhq_landmarks


def test_part_names_are_in_the_order_of_the_labels():
    initials = [part[0] for part in sources.CELEBAMASK_PARTS]
    assert len(initials) == len(LABELS) - 1
    assert sources.CELEBAMASK_PARTS[LABELS.index("hair") - 1] == "hair"
    assert sources.CELEBAMASK_PARTS[LABELS.index("necklace") - 1] == "neck_l"
    assert sources.CELEBAMASK_PARTS[LABELS.index("earring") - 1] == "ear_r"


def test_faces_of_celebamask_hq_are_in_the_order_of_their_numbers(celebamask):
    for number in (10, 9, 10000):
        (celebamask / f"CelebA-HQ-img/{number}.jpg").touch()
    items = list(sources.celebamask_hq(celebamask, 64))
    assert [item.name for item in items] == ["00000", "00009", "00010", "02001", "10000"]
    assert items[1].path == celebamask / "CelebA-HQ-img/9.jpg"


def test_hidden_files_are_no_faces(celebamask, celeba):
    for folder in (celebamask / "CelebA-HQ-img", celeba / "img_align_celeba"):
        (folder / "._0.jpg").touch()
    assert [item.name for item in sources.celebamask_hq(celebamask, 64)] == ["00000", "02001"]
    items = sources.celeba(celeba, 64, lambda face: face)
    assert [item.name for item in items] == ["000001", "000002"]


@pytest.mark.parametrize("size", [512, 64])
def test_a_later_part_of_celebamask_hq_covers_an_earlier_one(celebamask, size):
    *_, item = sources.celebamask_hq(celebamask, size)
    face, labels = item.read()
    expected = np.zeros((512, 512), np.uint8)
    expected[100:400, 100:400] = 1
    expected[200:240, 150:220] = 4
    step = 512 // size
    assert face.shape == (size, size, 3)
    assert np.array_equal(labels, expected[step // 2 :: step, step // 2 :: step])


def test_a_face_of_celebamask_hq_without_parts_is_background(celebamask):
    for path in (celebamask / "CelebAMask-HQ-mask-anno/1").iterdir():
        path.unlink()
    *_, item = sources.celebamask_hq(celebamask, 64)
    assert not item.read()[1].any()


def test_a_part_mask_of_another_size_is_named(celebamask):
    small = celebamask / "CelebAMask-HQ-mask-anno/0/00000_skin.png"
    cv2.imwrite(str(small), np.full((256, 320), 255, np.uint8))
    bad, good = sources.celebamask_hq(celebamask, 64)
    with pytest.raises(ValueError, match=f"^{small} is 320x256 pixels, not 512x512; get it again$"):
        bad.read()
    good.read()


def test_a_picture_of_celebamask_hq_that_is_not_square_is_no_aligned_face(celebamask, picture):
    path = celebamask / "CelebA-HQ-img/0.jpg"
    cv2.imwrite(str(path), picture[:300])
    bad, good = sources.celebamask_hq(celebamask, 64)
    with pytest.raises(ValueError, match=f"^{path} is 512x300 pixels; a face aligned as in FFHQ"):
        bad.read()
    good.read()


def test_celeba_is_moved_to_the_ffhq_template(celeba):
    def segment(face):
        return np.full(face.shape[:2], 1, np.uint8)

    for item in sources.celeba(celeba, 256, segment):
        face, labels = item.read()
        assert labels.shape == (256, 256)
        for x, y in ffhq_landmarks(256):
            assert face[round(float(y)), round(float(x))].min() > 100


def test_a_landmark_without_ten_numbers_is_named(celeba, tmp_path):
    path = celeba / "list_landmarks_align_celeba.txt"
    path.write_text(path.read_text() + "000003.jpg 1 2 3\n")
    with pytest.raises(ValueError, match=r"list_landmarks_align_celeba\.txt has a line without"):
        list(sources.celeba(celeba, 64, lambda face: face))


def test_landmarks_may_lie_in_a_folder_of_their_own(celeba):
    def pictures():
        items = sources.celeba(celeba, 64, lambda face: face[..., 0])
        return [(item.name, *item.read()) for item in items]

    before = pictures()
    assert [name for name, *_ in before] == ["000001", "000002"]
    (celeba / "Anno").mkdir()
    landmarks = "list_landmarks_align_celeba.txt"
    (celeba / landmarks).rename(celeba / "Anno" / landmarks)
    for old, new in zip(before, pictures(), strict=True):
        assert all(map(np.array_equal, old, new))
        assert np.array_equal(new[2], new[1][..., 0])  # masks are drawn from the moved face
    (celeba / "Anno" / landmarks).unlink()
    assert np.array_equal(pictures()[0][1], before[0][1])
    assert not np.array_equal(pictures()[1][1], before[1][1])


def test_a_folder_has_pictures_and_masks_or_pictures_alone(tmp_path, picture):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for name in ("images/b.JPG", "images/a.png", "c.png"):
        cv2.imwrite(str(tmp_path / name), picture)
    labels = np.full((512, 512), LABELS.index("neck"), np.uint8)
    cv2.imwrite(str(tmp_path / "masks/a.png"), labels)
    first, second = sources.folder(tmp_path, 64)
    assert [(item.name, item.path.name) for item in (first, second)] == [
        ("a", "a.png"),
        ("b", "b.JPG"),
    ]
    face, mask = first.read()
    assert np.array_equal(face, cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA))
    assert np.array_equal(mask, np.full((64, 64), 17))
    assert second.read()[1] is None
    assert [item.name for item in sources.folder(tmp_path / "images", 64)] == ["a", "b"]


def test_a_picture_that_is_not_square_is_no_aligned_face(portraits, picture):
    cv2.imwrite(str(portraits / "c.png"), picture[:300])
    items = {item.name: item for item in sources.folder(portraits, 64)}
    with pytest.raises(ValueError, match=r"c\.png is 512x300 pixels; a face aligned"):
        items.pop("c").read()
    assert [item.read()[0].shape for item in items.values()] == [(64, 64, 3)] * 4


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((300, 512), np.uint8), "is 512x300 pixels; a face aligned as in FFHQ is square"),
        (np.full((512, 512), 19, np.uint8), "must be a grey or palette PNG with CelebAMask-HQ"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(tmp_path, picture, mask, message):
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    cv2.imwrite(str(tmp_path / "images/b.png"), picture)
    cv2.imwrite(str(tmp_path / "masks/b.png"), mask)
    (item,) = sources.folder(tmp_path, 64)
    with pytest.raises(ValueError, match=f"^mask {tmp_path}/masks/b.png {message}"):
        item.read()


def test_two_files_of_one_name_are_named(portraits, picture):
    cv2.imwrite(str(portraits / "c.jpg"), picture)
    with pytest.raises(ValueError, match=r"c\.jpg and .*c\.png share one name"):
        list(sources.folder(portraits, 64))


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (sources.celebamask_hq, "{} is no CelebAMask-HQ: it has no folder CelebA-HQ-img"),
        (lambda *words: sources.celeba(*words, None), "{} is no CelebA: it has no folder img_ali"),
        (sources.folder, "there is no folder {}"),
    ],
)
def test_a_source_that_is_not_there_is_named(tmp_path, read, message):
    root = tmp_path / "nowhere"
    with pytest.raises(FileNotFoundError, match="^" + message.format(root)):
        list(read(root, 64))


def test_a_download_without_its_masks_is_named(tmp_path):
    (tmp_path / "CelebA-HQ-img").mkdir()
    with pytest.raises(FileNotFoundError, match=r"it has no folder CelebAMask-HQ-mask-anno$"):
        list(sources.celebamask_hq(tmp_path, 64))


class Stripes(torch.nn.Module):
    """In place of the parsing net: each of its classes in rows of its own, the first on top."""

    def __init__(self, num_class):
        super().__init__()
        self.num_class = num_class

    def forward(self, image):
        Stripes.seen = image
        rows = torch.arange(512) * self.num_class // 512
        masks = torch.nn.functional.one_hot(rows, self.num_class).T[None, :, :, None]
        return [masks.expand(-1, -1, -1, 512)]


def test_classes_of_the_parsing_net_become_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(facexlib.parsing.bisenet, "BiSeNet", Stripes)
    torch.save({}, tmp_path / "parsing_bisenet.pth")
    labels = sources.bisenet(tmp_path)(np.full((190, 190, 3), (255, 51, 0), np.uint8))
    # The order of its classes: github.com/zllrunning/face-parsing.PyTorch.
    order = [0, 1, 6, 7, 4, 5, 3, 8, 9, 15, 2, 10, 11, 12, 17, 16, 18, 13, 14]
    assert labels.shape == (190, 190)
    assert (labels[5::10] == np.array(order)[:, None]).all()
    expected = torch.tensor([-0.485 / 0.229, (0.2 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    torch.testing.assert_close(Stripes.seen, expected.view(1, 3, 1, 1).expand(1, 3, 512, 512))


@pytest.mark.parametrize("content", [b"", b"half of it", {"conv.weight": torch.ones(1)}])
def test_parsing_weights_that_are_not_those_are_named(tmp_path, content):
    path = tmp_path / "parsing_bisenet.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(WeightsError, match=r"parsing_bisenet\.pth .*get .*again"):
        sources.bisenet(tmp_path)


def test_missing_parsing_weights_say_where_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"parsing_bisenet\.pth.*github.*--parsing-weights"):
        sources.bisenet(tmp_path)
