"""BasicSR's metrics against scikit-image, through the benchmark's own path."""

import numpy as np
import pytest
import torch
from basicsr.utils.registry import METRIC_REGISTRY
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.measures import build_measure
from smfd_plugin.data.mask_classes import CLASSES
from smfd_plugin.metrics import confusion_matrix, mean_iou
from smfd_plugin.weights import WeightsError


@pytest.fixture
def pair(astronaut):
    noise = np.random.default_rng(0).normal(0, 8, astronaut.shape)
    noisy = np.clip(astronaut + noise, 0, 255).astype(np.uint8)
    return noisy, Sample(noisy, astronaut)


def test_psnr_is_scikit_images(pair):
    noisy, sample = pair
    measure = build_measure({"type": "calculate_psnr", "crop_border": 0})
    expected = peak_signal_noise_ratio(sample.gt, noisy)
    assert measure.measure(noisy, sample) == pytest.approx(expected, abs=1e-4)
    assert (measure.lower, measure.needs) == (False, "gt")


def test_ssim_is_that_of_wang_et_al(pair):
    noisy, sample = pair
    measure = build_measure({"type": "calculate_ssim", "crop_border": 0})
    expected = structural_similarity(
        sample.gt, noisy, channel_axis=2, data_range=255,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert measure.measure(noisy, sample) == pytest.approx(expected, abs=1e-4)


def test_niqe_needs_no_truth_and_less_is_better(pair):
    noisy, sample = pair
    measure = build_measure({"type": "calculate_niqe", "crop_border": 0})
    assert measure.lower
    assert measure.applies_to(Sample(noisy))
    assert measure.measure(noisy, Sample(noisy)) > measure.measure(sample.gt, Sample(noisy))


def test_own_metrics_without_a_second_picture_need_no_truth(pair, monkeypatch):
    noisy, _ = pair
    monkeypatch.setitem(METRIC_REGISTRY._obj_map, "brightness", lambda img, **_: img.mean())
    measure = build_measure({"type": "brightness"})
    assert measure.applies_to(Sample(noisy))
    assert measure.measure(noisy, Sample(noisy)) == noisy.mean()


@pytest.mark.parametrize(
    "given",
    [{"psnr": 3}, None, "much", np.zeros(2), torch.zeros(2)],
    ids=["{}", "None", "text", "array", "tensor"],
)
def test_own_metrics_give_one_number(pair, monkeypatch, given):
    noisy, sample = pair
    for function in (lambda img, **_: given, lambda img, img2, **_: given):
        monkeypatch.setitem(METRIC_REGISTRY._obj_map, "own", function)
        with pytest.raises(ValueError, match=r"own gives .*, which is not one number"):
            build_measure({"type": "own"}).measure(noisy, sample)


def test_a_number_may_be_a_tensor(pair, monkeypatch):
    noisy, sample = pair
    monkeypatch.setitem(METRIC_REGISTRY._obj_map, "own", lambda img, **_: torch.tensor(0.5))
    assert build_measure({"type": "own"}).measure(noisy, sample) == 0.5


def test_less_may_be_declared_better():
    assert build_measure({"type": "calculate_psnr", "better": "lower"}).lower
    assert build_measure({"type": "calculate_lpips"}).lower


def test_masks_of_other_classes_are_not_scored(one_class_weights):
    with pytest.raises(WeightsError, match=r"one\.pth: the masks have num_classes 1, not the 7"):
        build_measure({"type": "mask_miou", "weights": str(one_class_weights)})


def test_mask_miou_is_over_all_pixels_of_all_faces(tiny_net, tiny_weights, astronaut):
    measure = build_measure({"type": "mask_miou", "weights": str(tiny_weights)})
    assert not measure.applies_to(Sample(astronaut, astronaut))
    faces = [np.ascontiguousarray(astronaut[y : y + 256, 100:356]) for y in (0, 256)]
    masks = [np.full((256, 256), 1, np.uint8), np.full((256, 256), 5, np.uint8)]
    counted = [
        measure.measure(face, Sample(face, face, mask))
        for face, mask in zip(faces, masks, strict=True)
    ]
    rgb = torch.stack([torch.from_numpy(each[..., ::-1].copy()) for each in faces])
    with torch.no_grad():
        logits = tiny_net(rgb.permute(0, 3, 1, 2).float() / 255, masks_only=True)
    truth = torch.from_numpy(np.stack(masks)).long()
    expected = mean_iou(confusion_matrix(logits.argmax(1), truth, len(CLASSES)))
    assert measure.finish(np.mean(counted, 0)) == pytest.approx(expected)


def test_part_psnr_looks_at_the_parts_alone(pair):
    noisy, sample = pair
    mask = np.zeros(noisy.shape[:2], np.uint8)
    mask[40:60, 30:80], mask[70:80, 50:60] = CLASSES.index("eyes"), CLASSES.index("mouth")
    elsewhere = np.where((mask > 0)[..., None], noisy, 0)
    measure = build_measure({"type": "part_psnr", "classes": ["eyes", "mouth"]})
    assert not measure.applies_to(sample)
    value = measure.measure(elsewhere, Sample(noisy, sample.gt, mask))
    expected = peak_signal_noise_ratio(sample.gt[mask > 0], noisy[mask > 0])
    assert measure.finish(value) == pytest.approx(expected)


def test_part_psnr_leaves_faces_without_the_part_out_of_the_mean(pair):
    noisy, sample = pair
    hair = np.full(noisy.shape[:2], CLASSES.index("hair"), np.uint8)
    measure = build_measure({"type": "part_psnr", "classes": ["eyes"]})
    without = measure.measure(noisy, Sample(noisy, sample.gt, hair))
    with_eyes = measure.measure(
        noisy, Sample(noisy, sample.gt, np.full_like(hair, CLASSES.index("eyes")))
    )
    expected = peak_signal_noise_ratio(sample.gt, noisy)
    assert measure.finish(np.mean([without, with_eyes], 0)) == pytest.approx(expected)
    assert np.isnan(measure.finish(without))


@pytest.mark.parametrize("classes", [[], ["ears"], "eyes"])
def test_part_psnr_names_the_parts_that_there_are(classes):
    with pytest.raises(ValueError, match="a list of classes, of background, skin, brows"):
        build_measure({"type": "part_psnr", "classes": classes})
