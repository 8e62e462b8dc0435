import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from smfd_plugin.restore import blend

CPU = torch.device("cpu")


def crop_of(size):
    """Coordinates of every pixel of a crop that lies in the picture as it is, and one pixel more
    on each side."""
    here = np.array([[1.0, 0, -1], [0, 1.0, -1]])
    return blend.crop_coordinates(here, size, (0, 0, size + 2, size + 2), CPU)


def test_blur_keeps_the_sum_and_is_a_gaussian():
    x = torch.zeros(1, 1, 61, 61)
    x[0, 0, 30, 30] = 1
    blurred = blend.gaussian_blur(x, 4.0)[0, 0]
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    spread = (blurred.sum(0) * (torch.arange(61) - 30.0) ** 2).sum().sqrt()
    assert spread == pytest.approx(4.0, abs=0.1)


def test_without_a_feather_the_mask_is_the_probability_of_the_head():
    logits = torch.randn(2, 7, 32, 32)
    mask = blend.head_mask(logits, 0)
    torch.testing.assert_close(mask[:, 0], logits.softmax(1)[:, 1:].sum(1))


def test_head_mask_is_one_on_the_head_and_zero_far_from_it():
    logits = torch.zeros(1, 7, 64, 64)
    logits[:, 0] = 50
    logits[:, 0, :, :32] = -50
    mask = blend.head_mask(logits, 0.05)[0, 0]
    assert mask[:, :16].min() > 0.999
    assert mask[:, 48:].max() < 0.001
    assert 0.4 < mask[30, 31] < 0.6


def test_the_blend_fades_towards_the_border_of_the_picture_only():
    whole = blend.picture_fade((0, 0, 20, 12), (0, 0, 20, 12), CPU)
    assert whole.shape == (1, 12, 20)
    assert whole[0, 6, :5].tolist() == [0.125, 0.375, 0.625, 0.875, 1]
    assert whole[0, 6, -2:].tolist() == [0.375, 0.125] and whole[0, [0, -1], 10].max() == 0.125
    part = blend.picture_fade((3, 2, 20, 9), (0, 0, 20, 12), CPU)
    assert torch.equal(part, whole[:, 2:9, 3:])
    barred = blend.picture_fade((0, 0, 20, 20), (0, 4, 20, 16), CPU)
    assert torch.equal(barred[:, 4:16], whole) and not barred[:, [3, 16]].any()


def test_a_smooth_step_is_the_same_for_numbers_and_tensors():
    numbers = [-1.0, 0.0, 0.25, 0.5, 1.0, 2.0]
    expected = [0.0, 0.0, 0.15625, 0.5, 1.0, 1.0]
    assert [blend.smoothstep(x) for x in numbers] == expected
    assert blend.smoothstep(torch.tensor(numbers)).tolist() == expected


def test_fade_is_zero_at_the_border_and_one_inside():
    fade = blend.border_fade(crop_of(100))[0]
    assert not fade[0].any() and not fade[:, -1].any()
    assert fade[1].max() < 0.01
    assert (fade[15:87, 15:87] == 1).all()


@pytest.mark.parametrize(
    ("shift", "box"),
    [((5, 7), (5, 7, 70, 72)), ((-30, 20), (0, 20, 35, 85)), ((90, 90), (90, 90, 100, 100))],
)
def test_region_is_the_crop_clipped_to_the_picture(shift, box):
    to_picture = np.array([[1.0, 0, shift[0]], [0, 1.0, shift[1]]])
    left, top, right, bottom = blend.region(to_picture, 64, 100, 100)
    assert (left, top) == pytest.approx(box[:2], abs=1)
    assert (right, bottom) == pytest.approx(box[2:], abs=1)
    assert left >= 0 and top >= 0 and right <= 100 and bottom <= 100


@pytest.mark.parametrize("shift", [(-300, 0), (0, 300)])
def test_region_outside_the_picture_is_empty(shift):
    to_picture = np.array([[1.0, 0, shift[0]], [0, 1.0, shift[1]]])
    left, top, right, bottom = blend.region(to_picture, 64, 100, 100)
    assert left >= right or top >= bottom


def test_pixels_between_two_faces_are_shared():
    here = crop_of(100)
    other = here - torch.tensor([1.0, 0.0])[:, None, None]  # half a crop to the right
    share = blend.own_share(here, [other])[0]
    mirrored = blend.own_share(other, [here])[0]
    assert share[50, 50] == 1 and mirrored[50, 50] == 0
    torch.testing.assert_close(share + mirrored, torch.ones_like(share), atol=1e-5, rtol=0)
    assert torch.equal(blend.own_share(here, []), torch.ones_like(share)[None])


@given(st.integers(0, 2**32 - 1), st.floats(-0.4, 0.4), st.floats(0.0, 0.5))
def test_colour_is_kept_even_where_values_are_clamped(seed, cast, strength):
    rng = torch.Generator().manual_seed(seed)
    original = torch.rand(3, 24, 24, generator=rng)
    weight = torch.rand(1, 24, 24, generator=rng)
    change = cast + strength * torch.randn(3, 24, 24, generator=rng)
    restored = blend.keep_colour(original, change, weight)
    shift = (weight * (restored - original)).sum((1, 2)) / weight.sum()
    assert shift.abs().max() < 1 / 255
    assert restored.min() >= 0 and restored.max() <= 1


def test_values_beyond_the_range_stay_where_nothing_changes():
    original = torch.tensor([-0.2, 0.5, 1.7]).expand(3, 1, 3)
    restored = blend.keep_colour(original, torch.zeros(3, 1, 3), torch.ones(1, 1, 3))
    assert torch.equal(restored, original)


def test_no_weight_no_shift():
    original, change = torch.rand(3, 4, 4), 0.1 * torch.rand(3, 4, 4)
    restored = blend.keep_colour(original, change, torch.zeros(1, 4, 4))
    assert torch.isfinite(restored).all()
