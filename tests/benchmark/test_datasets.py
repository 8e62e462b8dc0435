from dataclasses import replace

import cv2
import numpy as np
import pytest

from smfd_plugin.benchmark.datasets import align_face, build_dataset, pick_evenly
from smfd_plugin.benchmark.foreign_blur import inertial_shake
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.faces import FaceFolder
from smfd_plugin.data.template import FFHQ_TEMPLATE

NUMBERS = (123456789, 987654321, 555555555)


@pytest.fixture
def scenarios(tmp_path):
    path = tmp_path / "scenarios.txt"
    path.write_text("\n".join(map(str, NUMBERS)))
    return str(path)


def write_pictures(folder, names, astronaut, size=64):
    folder.mkdir(parents=True)
    for i, name in enumerate(names):
        face = cv2.resize(astronaut[i : i + 200, 120:320], (size, size))
        cv2.imwrite(str(folder / f"{name}.png"), face)
    return folder


def test_items_are_spread_evenly():
    assert pick_evenly(range(101), 5) == [0, 25, 50, 75, 100]
    assert pick_evenly("abc", 7) == ["a", "b", "c"]


def test_sharp_faces_meet_scenarios_in_turn(tmp_path, astronaut, scenarios):
    write_pictures(tmp_path / "faces/images", "ab", astronaut)
    (tmp_path / "faces/masks").mkdir()
    cv2.imwrite(str(tmp_path / "faces/masks/a.png"), np.full((64, 64), 2, np.uint8))  # nose
    entries = build_dataset(
        {"type": "blurred", "dataroot": tmp_path / "faces", "size": 48, "scenarios": scenarios}
    )
    assert [entry.name for entry in entries] == [
        f"{face}_{number}" for face, number in zip("aba", NUMBERS, strict=True)
    ]
    assert [entry.face for entry in entries] == ["a", "b", "a"]
    folder = FaceFolder(tmp_path / "faces")
    for entry, face, number in zip(entries, (0, 1, 0), NUMBERS, strict=True):
        sample = entry.read()
        gt, _ = folder.read(folder.faces[face], 48)
        assert (sample.gt == gt).all()
        assert (sample.lq == BlurSpace()[number].apply(gt)).all()
        assert sample.scenario == entry.scenario == BlurSpace()[number]
    assert (entries[0].read().mask == 4).all()
    assert entries[1].read().mask is None


@pytest.mark.parametrize(
    "asked",
    [
        {"light": "linear"},
        {"noise": 25.0},
        {"noise": 8.0, "grain": 1.2, "noise_colour": "grey"},
    ],
)
def test_sharp_faces_are_degraded_otherwise_where_asked_for(tmp_path, astronaut, scenarios, asked):
    write_pictures(tmp_path / "faces/images", "a", astronaut)
    options = {"type": "blurred", "dataroot": tmp_path / "faces", "size": 48}
    entry = build_dataset(options | {"scenarios": scenarios} | asked)[0]
    sample = entry.read()
    assert entry.scenario == replace(BlurSpace()[NUMBERS[0]], **asked)
    assert (sample.lq == entry.scenario.apply(sample.gt)).all()


def test_kernels_are_larger_where_asked_for(tmp_path, astronaut, scenarios):
    write_pictures(tmp_path / "faces/images", "a", astronaut)
    options = {"type": "blurred", "dataroot": tmp_path / "faces", "size": 96, "stretch": 2}
    entry = build_dataset(options | {"scenarios": scenarios, "noise": 1.0})[0]
    sample = entry.read()
    assert entry.scenario == replace(BlurSpace()[NUMBERS[0]].stretched(2), noise=1.0)
    assert (sample.lq == entry.scenario.apply(sample.gt)).all()
    with pytest.raises(ValueError, match="stretch is 0; it is above 0"):
        build_dataset(options | {"scenarios": scenarios, "stretch": 0})


def test_sharp_faces_are_their_own_truth(tmp_path, astronaut):
    write_pictures(tmp_path / "faces/images", "ab", astronaut)
    entries = build_dataset({"type": "sharp", "dataroot": tmp_path / "faces", "size": 48})
    assert [entry.face for entry in entries] == ["a", "b"]
    sample = entries[1].read()
    assert sample.gt.shape == (48, 48, 3)
    assert (sample.lq == sample.gt).all()
    assert sample.scenario is None


def test_enlarged_faces_were_smaller_and_are_not_blurred_otherwise(tmp_path, astronaut):
    write_pictures(tmp_path / "faces/images", "ab", astronaut)
    options = {"type": "enlarged", "dataroot": str(tmp_path / "faces"), "size": 48, "factor": 4}
    sample = build_dataset(options)[1].read()
    small = cv2.resize(sample.gt, (12, 12), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (48, 48), interpolation=cv2.INTER_CUBIC)
    assert (sample.lq == large).all()
    linear = build_dataset(options | {"interpolation": "linear"})[1].read()
    assert (linear.lq == cv2.resize(small, (48, 48), interpolation=cv2.INTER_LINEAR)).all()
    with pytest.raises(ValueError, match="unknown interpolation 'fog'; there are linear, cubic"):
        build_dataset(options | {"interpolation": "fog"})
    with pytest.raises(ValueError, match="factor is 0; it is at least 1"):
        build_dataset(options | {"factor": 0})


def test_foreign_blur_is_each_faces_own_and_the_same_at_every_call(tmp_path, astronaut):
    write_pictures(tmp_path / "faces/images", "ab", astronaut)
    options = {"type": "foreign", "dataroot": str(tmp_path / "faces"), "size": 48}
    entries = build_dataset(options | {"blur": "inertial_shake"})
    folder = FaceFolder(tmp_path / "faces")
    for seed, entry in enumerate(entries):
        sample = entry.read()
        gt, _ = folder.read(folder.faces[seed], 48)
        assert (sample.gt == gt).all()
        assert (sample.lq == inertial_shake(gt, np.random.default_rng(seed))).all()
        assert sample.scenario is None
    with pytest.raises(ValueError, match="unknown foreign blur 'fog'"):
        build_dataset(options | {"blur": "fog"})


def test_the_limit_cuts(scenarios):
    options = {"type": "astronaut", "size": 64, "scenarios": scenarios}
    assert len(build_dataset(options)) == 3
    assert len(build_dataset(options | {"limit": 2})) == 2


def test_the_portrait_is_one_upright_face(scenarios):
    entries = build_dataset({"type": "astronaut", "size": 64, "scenarios": scenarios})
    assert {entry.face for entry in entries} == {"astronaut"}
    samples = [entry.read() for entry in entries]
    assert (samples[0].gt == samples[1].gt).all()
    assert (samples[0].lq != samples[1].lq).any()
    face = samples[0].gt.astype(int)
    assert face[36, 32, 2] > face[36, 32, 0] + 20  # skin is red in BGR's last channel


def test_pairs_share_their_names(tmp_path, astronaut):
    lq = write_pictures(tmp_path / "lq", "ab", astronaut)
    gt = write_pictures(tmp_path / "gt", "abc", astronaut)
    options = {"type": "paired", "dataroot_lq": lq, "dataroot_gt": gt}
    assert [entry.name for entry in build_dataset(options)] == ["a", "b"]
    sample = build_dataset(options)[1].read()
    assert (sample.gt == cv2.imread(str(gt / "b.png"))).all()
    assert sample.scenario is None
    (gt / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match="no picture named a"):
        build_dataset(options)


def test_pairs_of_two_sizes_are_refused(tmp_path, astronaut):
    lq = write_pictures(tmp_path / "lq", "a", astronaut, 32)
    gt = write_pictures(tmp_path / "gt", "a", astronaut, 64)
    options = {"type": "paired", "dataroot_lq": lq, "dataroot_gt": gt}
    with pytest.raises(ValueError, match="not of one size"):
        build_dataset(options)[0].read()


def test_real_faces_have_no_truth(tmp_path, astronaut):
    lq = write_pictures(tmp_path / "lq", "ab", astronaut)
    sample = build_dataset({"type": "real", "dataroot_lq": lq})[0].read()
    assert (sample.lq == cv2.imread(str(lq / "a.png"))).all()
    assert sample.gt is None


def test_faces_are_found_in_whole_pictures_and_cut_out_of_both(tmp_path, astronaut):
    for kind, image in (("lq", cv2.blur(astronaut, (3, 3))), ("gt", astronaut)):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "whole.png"), image)
    options = {"type": "photos", "dataroot_lq": tmp_path / "lq", "size": 128, "detector": "tiny"}
    entries = build_dataset(options | {"dataroot_gt": tmp_path / "gt"})
    assert [entry.name for entry in entries] == ["whole_0"]
    sample = entries[0].read()
    portrait = build_dataset({"type": "astronaut", "size": 128, "scenarios": "val100"})[0].read()
    assert cv2.PSNR(sample.gt, portrait.gt) > 20  # the same face at the same place
    assert cv2.PSNR(sample.lq, sample.gt) > 25
    assert (sample.lq != sample.gt).any()
    assert build_dataset(options)[0].read().gt is None


def test_whole_pictures_of_two_sizes_are_refused(tmp_path, astronaut):
    lq = write_pictures(tmp_path / "lq", "a", astronaut, 256)
    gt = write_pictures(tmp_path / "gt", "a", astronaut, 512)
    options = {"type": "photos", "dataroot_lq": lq, "dataroot_gt": gt, "size": 128}
    with pytest.raises(ValueError, match="not of one size"):
        build_dataset(options | {"detector": "tiny"})[0].read()


def test_an_aligned_face_has_its_landmarks_on_the_template():
    landmarks = np.array([[100.0, 120], [180, 122], [140, 170], [110, 210], [175, 212]])
    image = np.zeros((300, 300, 3), np.uint8)
    for x, y in landmarks.astype(int):
        cv2.circle(image, (x, y), 4, (255, 255, 255), -1)
    face = align_face(image, landmarks, 128)
    for x, y in FFHQ_TEMPLATE / 4:
        assert face[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5].max() > 100


def test_missing_data_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no pictures in .*nowhere"):
        build_dataset({"type": "real", "dataroot_lq": tmp_path / "nowhere"})
