import argparse

import cv2
import numpy as np
import pytest
import torch
from facexlib.parsing.bisenet import BiSeNet
from PIL import Image

from smfd_plugin.data import prepare
from smfd_plugin.data.faces import FaceFolder


def run(*arguments) -> int:
    parser = argparse.ArgumentParser()
    prepare.add_arguments(parser)
    return prepare.run(parser.parse_args([str(argument) for argument in arguments]))


def test_celebamask_hq_becomes_faces_with_masks(celebamask, tmp_path, picture):
    assert run("celebamask-hq", celebamask, "-o", tmp_path / "out", "--size", 128) == 0
    folder = FaceFolder(tmp_path / "out")
    assert [(face.name, face.has_mask) for face in folder.faces] == [
        ("00000", True),
        ("02001", True),
    ]
    image, classes = folder.read(folder.faces[1], 128)
    expected = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(image.astype(int) - expected).mean() < 3  # the JPEG between them
    assert classes[55, 45] == 3  # eyes cover skin
    assert classes[90, 90] == 1
    assert classes[10, 10] == 0


def test_what_is_read_is_not_written_over(tmp_path):
    root = tmp_path / "mine"
    for kind, value in (("images", 90), ("masks", 1)):
        (root / kind).mkdir(parents=True)
        cv2.imwrite(str(root / kind / "a.png"), np.full((64, 64, 3), value, np.uint8))
    before = (root / "masks/a.png").read_bytes()
    for words in ((root, "-o", root), (root / "images", "-o", root)):
        with pytest.raises(ValueError, match=r"holds what is read from .*: write to another"):
            run("folder", *words, "--size", 32)
    assert (root / "masks/a.png").read_bytes() == before


def test_bad_files_are_named_and_skipped_and_a_second_run_goes_on(celebamask, tmp_path, capsys):
    broken = celebamask / "CelebA-HQ-img/0.jpg"
    good = broken.read_bytes()
    broken.write_bytes(good[:100])
    assert run("celebamask-hq", celebamask, "-o", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert f"skipped 00000: {broken} is not a readable picture" in captured.err
    assert "2 faces" not in captured.out
    assert "1 faces" in captured.out
    assert "1 skipped" in captured.out
    done = tmp_path / "out/images/02001.png"
    before = done.stat().st_mtime_ns
    broken.write_bytes(good)
    assert run("celebamask-hq", celebamask, "-o", tmp_path / "out") == 0
    assert len(FaceFolder(tmp_path / "out").faces) == 2
    assert done.stat().st_mtime_ns == before
    assert not list((tmp_path / "out").rglob("*partial*"))


def test_faces_and_masks_that_do_not_fit_are_named_and_skipped(
    portraits, celebamask, tmp_path, picture, capsys
):
    flat, small = portraits / "c.png", celebamask / "CelebAMask-HQ-mask-anno/0/00000_skin.png"
    cv2.imwrite(str(flat), picture[:300])
    cv2.imwrite(str(small), np.full((256, 320), 255, np.uint8))
    for words, skipped, left in (
        (("folder", portraits), f"skipped c: {flat} is 512x300 pixels; a face aligned", "abde"),
        (
            ("celebamask-hq", celebamask),
            f"skipped 00000: {small} is 320x256 pixels, not 512x512",
            "02001",
        ),
    ):
        out = tmp_path / f"out {words[0]}"
        assert run(*words, "-o", out, "--size", 64) == 1
        assert skipped in capsys.readouterr().err
        assert names(out) == left


def test_a_face_with_a_mask_that_is_not_square_is_named_and_skipped(tmp_path, picture, capsys):
    for kind in ("images", "masks"):
        (tmp_path / "faces" / kind).mkdir(parents=True)
    for name, height in (("a", 512), ("b", 300)):
        cv2.imwrite(str(tmp_path / f"faces/images/{name}.png"), picture)
        labels = np.ones((height, 512), np.uint8)
        cv2.imwrite(str(tmp_path / f"faces/masks/{name}.png"), labels)
    assert run("folder", tmp_path / "faces", "-o", tmp_path / "out", "--size", 64) == 1
    assert "b.png is 512x300 pixels; a face aligned" in capsys.readouterr().err
    assert names(tmp_path / "out") == "a"


def test_a_folder_keeps_its_masks_and_takes_a_prefix(tmp_path, picture):
    source = tmp_path / "faces"
    (source / "images").mkdir(parents=True)
    (source / "masks").mkdir()
    for name in "ab":
        cv2.imwrite(str(source / f"images/{name}.jpg"), picture)
    labels = Image.fromarray(np.full((512, 512), 17, np.uint8)).convert("P")
    labels.save(source / "masks/a.png")
    assert run("folder", source, "-o", tmp_path / "out", "--prefix", "x_", "--size", 64) == 0
    folder = FaceFolder(tmp_path / "out")
    assert [(face.name, face.has_mask) for face in folder.faces] == [("x_a", True), ("x_b", False)]
    assert (folder.read(folder.faces[0], 64)[1] == 1).all()  # neck is skin


def test_lmdb_holds_the_same_faces(celebamask, tmp_path):
    run("celebamask-hq", celebamask, "-o", tmp_path / "out", "--size", 64)
    disk = FaceFolder(tmp_path / "out")
    expected = [disk.read(face, 64) for face in disk.faces]
    assert run("celebamask-hq", celebamask, "-o", tmp_path / "out", "--size", 64, "--lmdb") == 0
    packed = FaceFolder(tmp_path / "out")
    for face, (image, classes) in zip(packed.faces, expected, strict=True):
        again = packed.read(face, 64)
        assert np.array_equal(again[0], image)
        assert np.array_equal(again[1], classes)


def names(root) -> str:
    return "".join(face.name for face in FaceFolder(root).faces)


def test_lmdb_keeps_up_with_the_folder(portraits, tmp_path, picture):
    out = tmp_path / "out"
    run("folder", portraits, "-o", out, "--size", 64, "--lmdb")
    cv2.imwrite(str(portraits / "f g.png"), picture)
    assert run("folder", portraits, "-o", out, "--size", 64) == 0
    packed = FaceFolder(out)
    assert [face.name for face in packed.faces] == ["a", "b", "c", "d", "e", "f g"]
    assert packed.read(packed.faces[-1], 64)[0].any()


def test_faces_can_be_held_out(portraits, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    arguments = "folder", portraits, "-o", tmp_path / "out", "--size", 64
    assert run(*arguments, "--hold-out", first, 1, "--hold-out", second, 2) == 0
    assert (names(tmp_path / "out"), names(second), names(first)) == ("ab", "cd", "e")
    assert f"2 faces in {second}, 0 with masks" in capsys.readouterr().out


def test_no_face_is_trained_on_and_held_out(portraits, tmp_path):
    out, held = tmp_path / "out", tmp_path / "held"
    arguments = "folder", portraits, "-o", out, "--size", 64
    run(*arguments, "--hold-out", held, 2)
    with pytest.raises(ValueError, match=r"^d belongs to .*out, but .*held has it"):
        run(*arguments, "--hold-out", held, 1)
    with pytest.raises(ValueError, match=r"^c belongs to .*held, but .*out has it"):
        run(*arguments, "--hold-out", held, 3)
    assert (names(out), names(held)) == ("abc", "de")


@pytest.mark.parametrize("prefix", ["", "b_"])
def test_what_was_held_out_stays_out_of_later_runs(portraits, tmp_path, capsys, prefix):
    out, held = tmp_path / "out", tmp_path / "held"
    arguments = "folder", portraits, "-o", out, "--size", 64
    run(*arguments, "--hold-out", held, 2)
    assert run(*arguments, "--hold-out", held, 2) == 0  # as after an interruption
    assert (names(out), names(held)) == ("abc", "de")
    assert "stay out" not in capsys.readouterr().out
    assert run(*arguments, "--lmdb", "--prefix", prefix) == 0
    assert f"2 faces held out earlier stay out of {out}" in capsys.readouterr().out
    assert names(out) == ("abc" if not prefix else "abb_ab_bb_cc")


def test_another_face_of_the_name_of_one_held_out_is_trained_on(portraits, tmp_path, picture):
    arguments = "folder", portraits, "-o", tmp_path / "out", "--size", 64, "--prefix"
    run(*arguments, "a_", "--hold-out", tmp_path / "held", 2)
    cv2.imwrite(str(portraits / "e.png"), picture[::-1])
    run(*arguments, "b_")
    assert names(tmp_path / "out") == "a_aa_ba_cb_ab_bb_cb_e"


@pytest.mark.parametrize("count", ["0", "5", "many"])
def test_a_number_of_faces_that_cannot_be_held_out_is_named(portraits, tmp_path, count):
    with pytest.raises(ValueError, match=f"--hold-out held {count}: .* between 1 and 4"):
        run("folder", portraits, "-o", tmp_path / "out", "--hold-out", "held", count)


def test_faces_are_held_out_to_a_folder_of_their_own(portraits, tmp_path):
    with pytest.raises(ValueError, match="out is named twice"):
        again = tmp_path / "other/../out"
        run("folder", portraits, "-o", tmp_path / "out", "--hold-out", again, 1)


def test_a_folder_as_prefix_is_refused(portraits, tmp_path):
    with pytest.raises(ValueError, match="--prefix 'a/' is part of a file's name"):
        run("folder", portraits, "-o", tmp_path / "out", "--prefix", "a/")


@pytest.mark.parametrize("size", [31, 4097])
def test_an_impossible_size_is_refused(portraits, tmp_path, size):
    with pytest.raises(ValueError, match=f"--size is {size}; it can be 32 to 4096 pixels"):
        run("folder", portraits, "-o", tmp_path / "out", "--size", size)


def test_faces_of_another_size_are_not_taken_for_done(portraits, tmp_path):
    run("folder", portraits, "-o", tmp_path / "out", "--size", 64)
    with pytest.raises(ValueError, match=r"a\.png is there already with 64x64 pixels, not 96x96"):
        run("folder", portraits, "-o", tmp_path / "out", "--size", 96)


def test_two_numbers_that_are_one_are_named(celebamask, tmp_path, picture):
    cv2.imwrite(str(celebamask / "CelebA-HQ-img/00000.jpg"), picture)
    with pytest.raises(ValueError, match=r"0\.jpg and .*0\.jpg would both become 00000\.png"):
        run("celebamask-hq", celebamask, "-o", tmp_path / "out")


def test_hidden_files_are_left_out(portraits, tmp_path):
    (portraits / "._a.png").write_bytes(b"finder")
    assert run("folder", portraits, "-o", tmp_path / "out", "--size", 64) == 0
    assert names(tmp_path / "out") == "abcde"


def test_an_empty_file_is_skipped(portraits, tmp_path, capsys):
    (portraits / "c.png").write_bytes(b"")
    assert run("folder", portraits, "-o", tmp_path / "out", "--size", 64) == 1
    assert "c.png is not a readable picture" in capsys.readouterr().err
    assert names(tmp_path / "out") == "abde"


def test_faces_are_not_held_out_to_a_folder_without_a_name(portraits, tmp_path):
    with pytest.raises(ValueError, match="--hold-out '' 2: the path is empty"):
        run("folder", portraits, "-o", tmp_path / "out", "--hold-out", "", 2)


def test_celeba_masks_come_from_facexlibs_parsing_net(celeba, tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    torch.manual_seed(0)
    net = BiSeNet(num_class=19)
    with torch.no_grad():  # always its class 10, the nose
        net.conv_out.conv_out.weight.zero_()
        net.conv_out.conv_out.weight[10] = 1
    torch.save(net.state_dict(), weights / "parsing_bisenet.pth")
    arguments = "celeba", celeba, "-o", tmp_path / "out", "--size", 64
    assert run(*arguments, "--parsing-weights", weights) == 0
    folder = FaceFolder(tmp_path / "out")
    classes = folder.read(folder.faces[0], 64)[1]
    assert np.bincount(classes.flatten()).argmax() == 4  # nose


def test_an_empty_source_is_named(tmp_path):
    with pytest.raises(ValueError, match="no faces in"):
        run("folder", tmp_path, "-o", tmp_path / "out")
