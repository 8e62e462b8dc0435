import shutil

import numpy as np
import pytest
import torch
from torch import nn

from smfd_plugin.data import sources
from smfd_plugin.data.mask_classes import LABELS
from smfd_plugin.data.template import ffhq_landmarks


def test_part_names_are_in_the_order_of_the_labels():
    initials = [part[0] for part in sources.CELEBAMASK_PARTS]
    assert len(initials) == len(LABELS) - 1
    assert sources.CELEBAMASK_PARTS[LABELS.index("hair") - 1] == "hair"
    assert sources.CELEBAMASK_PARTS[LABELS.index("necklace") - 1] == "neck_l"
    assert sources.CELEBAMASK_PARTS[LABELS.index("earring") - 1] == "ear_r"


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


def test_celebamask_hq_in_the_order_of_its_numbers(celebamask):
    for number in (10, 9):
        shutil.copy(celebamask / "CelebA-HQ-img/0.jpg", celebamask / f"CelebA-HQ-img/{number}.jpg")
    items = list(sources.celebamask_hq(celebamask, 128))
    assert [item.name for item in items] == ["00000", "00009", "00010", "02001"]
    assert [item.path.name for item in items] == ["0.jpg", "9.jpg", "10.jpg", "2001.jpg"]
    face, labels = items[3].read()
    assert face.shape == (128, 128, 3) and labels.shape == (128, 128)
    assert [LABELS[labels[y, x]] for y, x in ((55, 45), (90, 90), (10, 10))] == [
        "left_eye",
        "skin",
        "background",
    ]
    assert not items[1].read()[1].any()  # no part of it is there


def test_a_folder_of_faces_with_and_without_masks(faces):
    items = list(sources.folder(faces, 32))
    assert [item.name for item in items] == ["a", "b", "c"]
    (face, labels), (_, none) = items[0].read(), items[1].read()
    assert face.shape == (32, 32, 3) and none is None
    assert [labels[y, x] for y, x in ((4, 4), (12, 12), (24, 24))] == [0, 1, 4]
    plain = list(sources.folder(faces / "images", 32))
    assert [item.name for item in plain] == ["a", "b", "c"]
    assert plain[0].read()[1] is None


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda root: sources.celebamask_hq(root, 64), "is no CelebAMask-HQ: it has no folder Cel"),
        (lambda root: sources.celeba(root, 64, None), "is no CelebA: it has no folder img_align"),
        (lambda root: sources.folder(root / "none", 64), "there is no folder .*none"),
    ],
)
def test_what_is_no_such_download_is_named(tmp_path, read, message):
    with pytest.raises(FileNotFoundError, match=message):
        next(read(tmp_path))


def test_facexlibs_classes_become_our_labels(tmp_path, monkeypatch):
    """A parsing net whose class of a pixel is its brightness, in steps of 10."""

    class Brightness(nn.Module):
        def __init__(self, num_class):
            super().__init__()
            self.num_class = num_class

        def forward(self, image):
            mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
            std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
            grey = (image * std + mean)[:, 0] * 25.5
            classes = torch.arange(self.num_class)[None, :, None, None]
            return (-(grey[:, None] - classes).abs(),)

    monkeypatch.setattr("facexlib.parsing.bisenet.BiSeNet", Brightness)
    torch.save({}, tmp_path / "parsing_bisenet.pth")
    segment = sources.bisenet(tmp_path)
    for number, name in ((0, "background"), (1, "skin"), (10, "nose"), (17, "hair"), (18, "hat")):
        labels = segment(np.full((64, 64, 3), 10 * number, np.uint8))
        assert labels.shape == (64, 64)
        assert {LABELS[label] for label in np.unique(labels)} == {name}
