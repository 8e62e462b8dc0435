from pathlib import Path

import numpy as np
import pytest
import torch
from basicsr.data import build_dataset
from basicsr.data.data_sampler import EnlargedSampler
from torch.utils.data import DataLoader, default_collate

from smfd_plugin.data import FaceBlurDataset
from smfd_plugin.data.blur_batch import degrade_inside
from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.kernels import fit_kernel

SHARP = {"kind": ["gaussian"], "sigma_x": [0.01], "noise": [0.0], "jpeg": [0]}


def options(faces, **more):
    return {"name": "t", "type": "FaceBlurDataset", "dataroot": str(faces), "gt_size": 64} | more


def test_is_built_from_an_option_file_entry(faces):
    assert isinstance(build_dataset(options(faces)), FaceBlurDataset)


def test_an_option_that_is_null_is_absent(faces):
    names = ("crop_size", "min_gt_size", "sharp_ratio", "scenarios", "blur", "kernel_size")
    dataset = FaceBlurDataset(options(faces, **dict.fromkeys(names)))
    assert dataset[0]["lq"].shape == (3, 64, 64)
    with pytest.raises(KeyError, match="dataroot"):
        FaceBlurDataset(options(None) | {"dataroot": None})


def test_a_misspelt_option_is_named(faces):
    with pytest.raises(
        ValueError, match="data set t has no option 'crop_sise'; did you mean crop_size"
    ):
        FaceBlurDataset(options(faces, crop_sise=32))


@pytest.mark.parametrize("name", ["gt_size", "min_gt_size", "crop_size", "kernel_size"])
def test_a_size_that_is_no_number_is_named(faces, name):
    with pytest.raises(ValueError, match=f"{name} 'large' is no whole number"):
        FaceBlurDataset(options(faces, **{name: "large"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("degrade_on_device", True),
        ("crop_size", 32),
        ("min_gt_size", 32),
        ("use_hflip", True),
        ("sharp_ratio", 0.5),
    ],
)
def test_a_fixed_set_has_nothing_random(faces, name, value):
    with pytest.raises(ValueError, match=f"{name}: not for a fixed set, one with scenarios"):
        FaceBlurDataset(options(faces, scenarios="val100", **{name: value}))


def test_fewer_samples_than_a_batch_are_refused(faces):
    more = {"batch_size_per_gpu": 7, "dataset_enlarge_ratio": 2}
    with pytest.raises(ValueError, match="3 samples do not fill one batch of 7"):
        FaceBlurDataset(options(faces, **more))
    FaceBlurDataset(options(faces, **more | {"batch_size_per_gpu": 6}))


def test_says_how_many_scenarios_there_are(faces, caplog):
    with caplog.at_level("INFO", "basicsr"):
        FaceBlurDataset(options(faces))
    assert "3 faces, 2 with masks; BlurSpace of 1,741,824,000,000 scenarios" in caplog.text


def test_a_sample_has_its_parts(faces):
    sample = FaceBlurDataset(options(faces, crop_size=40))[0]
    assert sample["lq"].shape == sample["gt"].shape == (3, 40, 40)
    assert sample["lq"].dtype == torch.float32
    assert 0 <= sample["lq"].min() <= sample["lq"].max() <= 1
    assert sample["mask"].shape == (40, 40)
    assert sample["mask"].dtype == torch.int64
    assert sample["has_mask"] is True
    assert FaceBlurDataset(options(faces))[1]["has_mask"] is False


def test_colours_are_rgb(faces):
    dataset = FaceBlurDataset(options(faces, scenarios="val100"))
    image = dataset.faces[0][0].read(dataset.faces[0][1], 64)[0]
    gt = dataset[0]["gt"]
    np.testing.assert_allclose(gt[0] * 255, image[..., 2], atol=1e-3)
    np.testing.assert_allclose(gt[2] * 255, image[..., 0], atol=1e-3)


def test_lq_gt_and_mask_are_cut_and_mirrored_together(faces):
    dataset = FaceBlurDataset(options(faces, crop_size=32, use_hflip=True, blur={"factors": SHARP}))
    whole = FaceBlurDataset(options(faces, scenarios="val100"))[0]
    for _ in range(8):
        sample = dataset[0]
        assert torch.equal(sample["lq"], sample["gt"])
        assert any(
            torch.equal(torch.from_numpy(gt.copy()), sample["gt"])
            and np.array_equal(mask, sample["mask"])
            for gt, mask in every_crop(whole["gt"].numpy(), whole["mask"].numpy(), 32)
        )


def every_crop(gt, mask, size):
    for flip in (1, -1):
        for y in range(gt.shape[1] - size + 1):
            for x in range(gt.shape[2] - size + 1):
                window = np.s_[..., y : y + size, x : x + size]
                yield gt[..., ::flip][window], mask[..., ::flip][window]


def test_a_crop_is_blurred_like_the_whole_face(faces):
    factors = {"kind": ["line"], "extent": [15], "noise": [0.0], "jpeg": [0]}
    dataset = FaceBlurDataset(options(faces, crop_size=24, blur={"factors": factors}))
    folder, face = dataset.faces[0]
    image = folder.read(face, 64)[0]
    for _ in range(5):
        sample = dataset[0]
        blurry = dataset.space.apply(image, sample["scenario"])[..., ::-1].transpose(2, 0, 1)
        crops = every_crop(blurry, np.zeros((64, 64)), 24)
        errors = [np.abs(crop - sample["lq"].numpy() * 255).max() for crop, _ in crops]
        assert min(errors) <= 1.01  # a rounding step


def test_the_device_makes_the_same_pairs(faces):
    blur = {"factors": {"kind": ["shake"], "extent": [9], "noise": [0.0], "jpeg": [0]}}
    more = {"crop_size": 24, "use_hflip": True, "blur": blur, "kernel_size": 47, "sharp_ratio": 0.3}
    torch.manual_seed(3)
    pairs = FaceBlurDataset(options(faces, **more))
    expected = [pairs[i % 3] for i in range(12)]
    torch.manual_seed(3)
    left_alone = FaceBlurDataset(options(faces, **more, degrade_on_device=True))
    samples = [left_alone[i % 3] for i in range(12)]
    margin = left_alone.space.margin
    surroundings = torch.stack([sample["surroundings"] for sample in samples])
    assert surroundings.dtype == torch.uint8
    numbers = default_collate([sample["degradation"] for sample in samples])
    lq = degrade_inside(surroundings / 255, numbers, (24, 24))
    gt = surroundings[..., margin:-margin, margin:-margin] / 255
    for i, (pair, sample) in enumerate(zip(expected, samples, strict=True)):
        assert (lq[i] - pair["lq"]).abs().max() < 1.01 / 255
        assert torch.equal(gt[i], pair["gt"])
        assert sample.keys() - pair.keys() == {"surroundings", "degradation"}
        assert all(
            np.array_equal(sample[name], pair[name])
            for name in ("mask", "face_box", "kernel", "scenario", "has_mask", "lq_path", "gt_path")
        )


def test_enlarged_faces_have_a_wider_margin_and_the_kernel_of_all_that_spreads_them(faces):
    factors = {"kind": ["line"], "extent": [9], "shrink": [4.0], "interpolation": ["lanczos"]}
    more = {"crop_size": 24, "kernel_size": 47, "blur": {"factors": factors}}
    sample = FaceBlurDataset(options(faces, **more, degrade_on_device=True))[0]
    assert sample["surroundings"].shape[-1] == 24 + 2 * (4 + 10)
    psf = BlurSpace(factors)[sample["scenario"]].psf()
    assert np.array_equal(sample["kernel"], fit_kernel(psf, 47))
    pair = FaceBlurDataset(options(faces, **more))[0]
    detail = [pair[name].diff(dim=-1).square().mean() for name in ("lq", "gt")]
    assert detail[0] < 0.3 * detail[1]


def test_a_part_of_the_faces_stays_sharp(faces):
    torch.manual_seed(0)
    dataset = FaceBlurDataset(options(faces, crop_size=32, use_hflip=True, sharp_ratio=0.5))
    samples = [dataset[i % 3] for i in range(60)]
    untouched = [sample for sample in samples if sample["scenario"] == -1]
    assert 15 < len(untouched) < 45
    assert all(torch.equal(sample["lq"], sample["gt"]) for sample in untouched)
    assert all(torch.any(s["lq"] != s["gt"]) for s in samples if s["scenario"] >= 0)


def test_no_face_stays_sharp_unless_asked_for(faces):
    dataset = FaceBlurDataset(options(faces, crop_size=32))
    assert all(dataset[0]["scenario"] >= 0 for _ in range(20))


@pytest.mark.parametrize("ratio", [-0.1, 1.5])
def test_an_impossible_ratio_of_sharp_faces_is_refused(faces, ratio):
    with pytest.raises(ValueError, match="sharp_ratio"):
        FaceBlurDataset(options(faces, sharp_ratio=ratio))


def test_fixed_scenarios_pair_faces_with_numbers(faces, tmp_path):
    numbers = [5, 1_000_000, 77, 12_345_678_901]
    path = tmp_path / "list.txt"
    path.write_text("\n".join(map(str, numbers)))
    dataset = FaceBlurDataset(options(faces, scenarios=str(path)))
    assert [sample["scenario"] for sample in (dataset[i] for i in range(len(dataset)))] == numbers
    folder, face = dataset.faces[0]
    expected = BlurSpace().apply(folder.read(face, 64)[0], numbers[3])
    np.testing.assert_allclose(
        dataset[3]["lq"].numpy().transpose(1, 2, 0)[..., ::-1] * 255, expected, atol=1e-3
    )


def epochs(faces, seed, workers=2):
    """Scenario numbers and picture sums of two epochs, as BasicSR's loader would give them."""
    torch.manual_seed(seed)
    dataset = FaceBlurDataset(options(faces, crop_size=32, use_hflip=True))
    sampler = EnlargedSampler(dataset, 1, 0, ratio=4)
    loader = DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=workers)
    return [
        [(batch["scenario"].tolist(), batch["lq"].sum().item()) for batch in loader]
        for _ in range(2)
    ]


@pytest.mark.parametrize("factors", [{"kind": ["line"]}, {"light": ["encoded", "linear"]}])
def test_scenarios_of_a_blur_space_with_other_numbers_are_refused(faces, factors):
    with pytest.raises(ValueError, match="scenarios are numbers of the default blur space"):
        FaceBlurDataset(options(faces, scenarios="heldout", blur={"factors": factors}))


def test_scenarios_go_with_other_values_of_the_same_count(faces):
    more = {"scenarios": "heldout", "blur": {"factors": {"light": ["linear"]}}}
    dataset = FaceBlurDataset(options(faces, **more))
    assert dataset.space[dataset[0]["scenario"]].light == "linear"


def test_the_path_of_a_sample_keeps_its_number_without_its_suffix(faces):
    (faces / "images/a.png").rename(faces / "images/a.b.png")
    (faces / "masks/a.png").rename(faces / "masks/a.b.png")
    sample = FaceBlurDataset(options(faces, scenarios="val100"))[0]
    assert Path(sample["lq_path"]).stem == f"a.b_{sample['scenario']}"


def test_a_folder_in_the_home_is_found(faces, monkeypatch):
    monkeypatch.setenv("HOME", str(faces.parent))
    assert len(FaceBlurDataset(options(f"~/{faces.name}"))) == 3


def test_values_of_the_wrong_kind_are_named(faces):
    with pytest.raises(ValueError, match=r"sharp_ratio '5e-2' is no number"):
        FaceBlurDataset(options(faces, sharp_ratio="5e-2"))
    with pytest.raises(ValueError, match="data set name 7 is no text; put it in quotes"):
        FaceBlurDataset(options(faces) | {"name": 7})


def test_is_reproducible_under_a_seed_and_several_workers(faces):
    first, second = epochs(faces, seed=1)
    assert epochs(faces, seed=1) == [first, second]
    assert epochs(faces, seed=2) != [first, second]
    assert first != second
    numbers = [number for batch, _ in first + second for number in batch]
    assert len(set(numbers)) == len(numbers)


def test_several_folders_are_one_set(faces, tmp_path):
    dataset = FaceBlurDataset(options(faces) | {"dataroot": [str(faces), str(faces)]})
    assert len(dataset) == 6


def test_a_crop_larger_than_the_face_is_refused(faces):
    with pytest.raises(ValueError, match="crop_size 65 must be above 0 and at most min_gt_size 64"):
        FaceBlurDataset(options(faces, crop_size=65))


def test_faces_come_in_all_sizes_from_the_smallest_to_the_largest(faces):
    dataset = FaceBlurDataset(
        options(faces, gt_size=35, min_gt_size=32, crop_size=32, blur={"factors": SHARP})
    )
    folder, face = dataset.faces[0]
    sized = {size: folder.read(face, size) for size in range(32, 36)}
    found = set()
    for _ in range(40):
        sample = dataset[0]["gt"].numpy() * 255
        for size, (image, mask) in sized.items():
            crops = every_crop(image[..., ::-1].transpose(2, 0, 1), mask, 32)
            if any(np.abs(crop - sample).max() < 0.01 for crop, _ in crops):
                found.add(size)
                break
        else:
            pytest.fail("a sample is no crop of the face at any size")
    assert found == set(sized)


def test_the_face_box_says_where_the_face_is_in_the_crop(faces):
    dataset = FaceBlurDataset(
        options(faces, gt_size=40, min_gt_size=32, crop_size=32, sharp_ratio=1.0)
    )
    folder, face = dataset.faces[0]
    boxes = set()
    for _ in range(20):
        sample = dataset[0]
        left, top, side = sample["face_box"].int().tolist()
        whole, _ = folder.read(face, side)
        crop = whole[-top : 32 - top, -left : 32 - left, ::-1].transpose(2, 0, 1)
        np.testing.assert_allclose(sample["gt"] * 255, crop, atol=0.01)
        boxes.add((left, top, side))
    assert len(boxes) > 10
    fixed = FaceBlurDataset(options(faces, scenarios="val100"))
    assert fixed[0]["face_box"].tolist() == [0, 0, fixed.gt_size]


def test_kernels_come_with_the_samples_if_asked_for(faces):
    fixed = options(faces, scenarios="val100", kernel_size=47)
    sample = FaceBlurDataset(fixed)[1]
    kernel = BlurSpace()[sample["scenario"]].kernel()
    np.testing.assert_array_equal(sample["kernel"], fit_kernel(kernel, 47))
    assert "kernel" not in FaceBlurDataset(options(faces))[0]


def test_the_kernel_of_a_sharp_sample_is_a_single_one(faces):
    sample = FaceBlurDataset(options(faces, sharp_ratio=1, kernel_size=9))[0]
    assert sample["kernel"][4, 4] == sample["kernel"].sum() == 1


@pytest.mark.parametrize("size", [46, 0, -3])
def test_an_even_kernel_size_is_refused(faces, size):
    with pytest.raises(ValueError, match="not an odd number"):
        FaceBlurDataset(options(faces, kernel_size=size))
