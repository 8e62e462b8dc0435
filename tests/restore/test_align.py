import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from smfd_plugin.data.template import FFHQ_TEMPLATE
from smfd_plugin.restore import align

WAVES = np.fromfunction(
    lambda y, x: 0.5 + 0.2 * np.sin(x / 9 + 1) + 0.2 * np.cos(y / 7) * np.sin(x / 31), (160, 200)
)
"""A smooth picture without symmetries."""


def known_similarity(scale, angle, shift):
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def picture(array):
    return torch.from_numpy(np.asarray(array, np.float32))[None, None]


@pytest.mark.parametrize(
    ("side", "max_crop", "size"),
    [
        (20, 512, 128),
        (127.9, 512, 128),
        (128.1, 512, 192),
        (300, 512, 384),
        (513, 512, 512),
        (513, 1024, 768),
        (300, 256, 256),
        (5000, 1024, 1024),
    ],
)
def test_crops_have_no_fewer_pixels_than_the_face_up_to_the_cap(side, max_crop, size):
    landmarks = FFHQ_TEMPLATE * (side / 512) + 30
    assert align.face_side(landmarks) == pytest.approx(side)
    assert align.crop_size(side, max_crop) == size


@pytest.mark.parametrize("size", [128, 256, 512])
def test_landmarks_land_on_the_template(size):
    landmarks = align.transform(known_similarity(0.4, 0.3, (90, 40)), FFHQ_TEMPLATE)
    found = align.transform(align.picture_to_crop(landmarks, size), landmarks)
    np.testing.assert_allclose((found + 0.5) / size, (FFHQ_TEMPLATE + 0.5) / 512, atol=1e-9)


def test_inverse_leads_back():
    matrix = known_similarity(1.7, -0.8, (12, -30))
    points = np.array([[0.0, 0.0], [3.0, 99.0]])
    back = align.transform(align.inverse(matrix), align.transform(matrix, points))
    np.testing.assert_allclose(back, points, atol=1e-9)


def test_warp_by_whole_pixels_is_exact():
    image = picture(WAVES)
    shifted = align.warp(image, [known_similarity(1, 0, (10, 20))], (50, 60), "zeros")
    torch.testing.assert_close(shifted, image[..., 20:70, 10:70], atol=1e-5, rtol=0)


def test_warp_agrees_with_opencv():
    matrix = known_similarity(0.8, 0.5, (70, 15))
    ours = align.warp(picture(WAVES), [matrix], (96, 96), "zeros")[0, 0].numpy()
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    theirs = cv2.warpAffine(WAVES.astype(np.float32), matrix, (96, 96), flags=flags)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_shrinking_does_not_alias():
    checks = np.indices((160, 160)).sum(0) % 2
    small = align.warp(picture(checks), [known_similarity(3.7, 0.2, (30, 10))], (24, 24), "zeros")
    assert (small - 0.5).abs().max() < 0.1


@pytest.mark.parametrize("shift", [0.5, 1.5, 2.5, 40])
@pytest.mark.parametrize("end", [0, 1])
def test_the_faster_padding_shows_the_same(shift, end, monkeypatch):
    image, size = picture(WAVES), (40, 40)
    corner = [(side - 41) * end + shift * (1 - 2 * end) for side in image.shape[:1:-1]]
    matrix = [known_similarity(1, 0.02, corner)]
    fast = align.warp(image, matrix, size, "reflection")
    monkeypatch.setattr(align, "_is_inside", lambda *_: False)
    torch.testing.assert_close(fast, align.warp(image, matrix, size, "reflection"))


def test_one_sample_for_a_pixel_averages_nothing():
    matrix = [known_similarity(1.4, 0.3, (10, 20))]
    once = align.warp(picture(WAVES), matrix, (50, 50), "zeros", per_pixel=1)
    twice, as_needed = (
        align.warp(picture(WAVES), matrix, (50, 50), "zeros", per_pixel=n) for n in (2, None)
    )
    assert torch.equal(twice, as_needed)
    x, y = align.transform(matrix[0], np.array([(25, 30)]))[0]
    at = align.warp(picture(WAVES), [np.array([[1.0, 0, x], [0, 1, y]])], (1, 1), "zeros")
    torch.testing.assert_close(once[..., 30, 25], at[..., 0, 0], atol=1e-5, rtol=0)
    assert (once - twice).abs().max() > 1e-3


def test_crops_of_all_sizes_show_the_same():
    landmarks = align.transform(known_similarity(0.3, 0.2, (30, 0)), FFHQ_TEMPLATE)
    small, large = (
        align.warp(
            picture(WAVES),
            [align.inverse(align.picture_to_crop(landmarks, size))],
            (size, size),
            "reflection",
        )
        for size in (128, 256)
    )
    torch.testing.assert_close(F.avg_pool2d(large, 2), small, atol=3e-3, rtol=0)


def test_there_and_back_moves_nothing():
    to_crop = known_similarity(1.6, 0.4, (20, -60))
    crop = align.warp(picture(WAVES), [align.inverse(to_crop)], (256, 256), "reflection")
    back = align.warp(crop, [to_crop], WAVES.shape, "zeros")[0, 0].numpy()
    covered = align.warp(torch.ones_like(crop), [to_crop], WAVES.shape, "zeros")[0, 0].numpy()
    inner = (slice(6, -6), slice(6, -6))  # reflection makes a kink at the picture's edge
    inside = cv2.erode(np.uint8(covered > 0.999), np.ones((9, 9)))[inner] > 0
    assert inside.mean() > 0.3
    assert np.abs(back - WAVES)[inner][inside].max() < 5e-3


def test_a_batch_is_its_single_pictures():
    matrices = [known_similarity(s, a, (20, 30)) for s, a in ((0.4, 0), (0.9, 1), (1.0, -2))]
    batch = align.warp(picture(WAVES).expand(3, -1, -1, -1), matrices, (64, 64), "reflection")
    for one, matrix in zip(batch, matrices, strict=True):
        alone = align.warp(picture(WAVES), [matrix], (64, 64), "reflection")
        torch.testing.assert_close(one[None], alone, atol=1e-6, rtol=0)
