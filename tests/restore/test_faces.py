from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from smfd_plugin.data.template import FFHQ_TEMPLATE, ffhq_landmarks
from smfd_plugin.restore import (
    Detection,
    blend_faces,
    deblur_faces,
    faces_region,
    restore_faces,
)
from smfd_plugin.restore.align import transform
from smfd_plugin.restore.sizes import run_fitted

TURNED = np.array([[0.4, -0.15, 150.3], [0.15, 0.4, 100.6]])
"""From the template to a face that leans."""


def sharpen(lq):
    blurry = F.avg_pool2d(F.pad(lq, (2, 2, 2, 2), mode="replicate"), 5, 1)
    return lq + 2 * (lq - blurry)


def add_dots(lq):
    """A black dot on each landmark of the template."""
    size = lq.shape[-1]
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    image = lq.clone()
    for u, v in ffhq_landmarks(size):
        near = (x - u) ** 2 + (y - v) ** 2
        image -= 0.8 * torch.exp(-near / (2 * (size / 100) ** 2)).float()
    return image


def moved(face, shift=(0, 0), scale=1.0):
    box = (face.box * scale + np.tile(shift, 2)).astype(np.float32)
    return Detection(box, (face.landmarks * scale + shift).astype(np.float32), face.score)


def outside(frame, patches):
    """Pixels that no patch may change."""
    untouched = torch.ones(frame.shape[-2:], dtype=torch.bool)
    for patch in patches:
        left, top, right, bottom = patch.box
        untouched[top:bottom, left:right] &= patch.weight[0] == 0
    return untouched


def mean_shift(frame, result, patch):
    left, top, right, bottom = patch.box
    inside = patch.weight[0] > 0
    return (result - frame)[:, top:bottom, left:right][:, inside].mean(1).abs().max()


def test_a_network_that_changes_nothing_changes_nothing(frame, face, stand_in):
    patches = restore_faces(stand_in(lambda lq: lq), frame, [face])
    assert patches[0].weight.max() > 0.99
    assert torch.equal(blend_faces(frame, patches), frame)


def test_changes_land_where_the_matrix_says(frame, face, stand_in):
    """Dots on the template's landmarks appear on the face's, to a fraction of a pixel."""
    ideal = replace(face, landmarks=transform(TURNED, FFHQ_TEMPLATE).astype(np.float32))
    grey = torch.full_like(frame, 0.9)
    change = blend_faces(grey, restore_faces(stand_in(add_dots), grey, [ideal]))[0] - grey[0]
    for x, y in ideal.landmarks:
        column, row = round(float(x)), round(float(y))
        window = -change[row - 6 : row + 7, column - 6 : column + 7]
        window = (window - window.max() / 4).clamp(min=0)
        offsets = torch.arange(-6, 7)
        found_x = column + float((window.sum(0) * offsets).sum() / window.sum())
        found_y = row + float((window.sum(1) * offsets).sum() / window.sum())
        assert abs(found_x - x) < 0.15 and abs(found_y - y) < 0.15


def test_only_the_face_changes(frame, face, stand_in):
    patches = restore_faces(stand_in(sharpen), frame, [face])
    result = blend_faces(frame, patches)
    untouched = outside(frame, patches)
    assert torch.equal(result[:, untouched], frame[:, untouched])
    assert 0.5 < untouched.float().mean() < 0.99
    assert (result - frame).abs().max() > 0.05


def test_the_frame_and_the_patches_stay_as_they_are(frame, face, stand_in):
    before = frame.clone()
    patches = restore_faces(stand_in(sharpen), frame, [face])
    pixels = patches[0].pixels.clone()
    blend_faces(frame, patches)
    assert torch.equal(frame, before) and torch.equal(patches[0].pixels, pixels)


@pytest.mark.parametrize(
    "change", [sharpen, lambda lq: lq * 0.7, lambda lq: lq.flip(1), lambda lq: lq + 5]
)
def test_the_colour_of_a_face_is_kept(frame, face, stand_in, change):
    patches = restore_faces(stand_in(change), frame, [face])
    assert mean_shift(frame, blend_faces(frame, patches), patches[0]) < 1 / 255


def test_no_box_shows(frame, face, stand_in):
    """A coarse pattern over the whole crop leaves no step anywhere."""
    flat = torch.full_like(frame, 0.5)
    noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5
    pattern = lambda lq: lq + F.interpolate(noise, lq.shape[-2:], mode="bilinear")  # noqa: E731
    change = (blend_faces(flat, restore_faces(stand_in(pattern), flat, [face])) - flat)[0]
    assert change.abs().max() > 0.03
    steps = max(change.diff(dim=0).abs().max(), change.diff(dim=1).abs().max())
    assert steps < 0.1 * change.abs().max()


def test_strength_scales_the_change(frame, face, stand_in):
    patches = restore_faces(stand_in(sharpen), frame, [face])
    full, half = (blend_faces(frame, patches, strength) - frame for strength in (1, 0.5))
    torch.testing.assert_close(half, full / 2, atol=1e-6, rtol=0)
    assert torch.equal(blend_faces(frame, patches, 0), frame)


def test_many_faces_are_the_same_as_each_alone(frame, face, stand_in):
    tile = frame[:, :256, 96:352]
    wall = tile.repeat(1, 2, 3)
    shifts = [(256 * i - 96, 256 * j) for j in range(2) for i in range(3)]
    faces = [moved(face, shift) for shift in shifts]
    net = stand_in(sharpen)
    patches = restore_faces(net, wall, faces)
    assert [patch.detection for patch in patches] == faces
    for patch, found in zip(patches, faces, strict=True):
        (alone,) = restore_faces(net, wall, [found])
        torch.testing.assert_close(patch.restored, alone.restored, atol=1e-5, rtol=0)
        assert patch.box == alone.box
    result = blend_faces(wall, patches)
    middle = slice(80, 180)
    torch.testing.assert_close(
        result[:, middle, 80:180], result[:, 336:436, 592:692], atol=2e-3, rtol=0
    )


def test_faces_of_all_sizes_in_one_picture(frame, face, stand_in):
    large = F.interpolate(frame[None], scale_factor=2, mode="bicubic")[0].clamp(0, 1)
    canvas = torch.zeros(3, 1024, 1536)
    canvas[:, :, :1024], canvas[:, :512, 1024:] = large, frame
    faces = [moved(face, (0.5, 0.5), 2), moved(face, (1024, 0))]
    patches = restore_faces(stand_in(sharpen), canvas, faces)
    assert [patch.crop.shape[-1] for patch in patches] == [384, 256]
    assert [patch.detection for patch in patches] == faces


def test_a_face_whose_blur_is_long_is_looked_at_in_two_sizes(frame, face, stand_in):
    """Of two faces the redder one."""

    def log_kernel(lq):
        kernels = torch.zeros(len(lq), 47, 47)
        blurry = (lq[:, 0] - lq[:, 2]).mean((1, 2)) > 0.25
        reach = min(23, round(0.06 * lq.shape[-1]))
        kernels[blurry, 23, 23 - reach] = kernels[blurry, 23, 23 + reach] = 0.5
        kernels[~blurry, 23, 23] = 1
        return kernels.log()

    canvas = F.interpolate(frame.repeat(1, 1, 2)[None], scale_factor=2)[0]
    canvas[2, :, 1024:] *= 0.5
    faces = [moved(face, (0.5, 0.5), 2), moved(face, (1024.5, 0.5), 2)]
    plain, red = restore_faces(stand_in(sharpen, log_kernel), canvas, faces)
    once = restore_faces(stand_in(sharpen), canvas, faces)
    assert [patch.crop.shape[-1] for patch in (plain, red)] == [384, 384]
    torch.testing.assert_close(plain.restored, once[0].restored, atol=1e-5, rtol=0)
    expected, _ = run_fitted(stand_in(sharpen, log_kernel), red.crop[None])
    torch.testing.assert_close(red.restored, expected[0], atol=1e-5, rtol=0)
    assert (red.restored - once[1].restored).abs().max() > 0.01


def test_neighbours_do_not_overwrite_each_other(frame, face, stand_in):
    """The crop of either face shows the other's; each is restored from its own."""
    near = moved(face, (60, 0))
    net = stand_in(sharpen)
    pair = restore_faces(net, frame, [face, near])
    (alone,) = restore_faces(net, frame, [face])
    assert pair[0].weight.mean() < 0.9 * alone.weight.mean()
    x, y = face.landmarks.mean(0).round().astype(int)
    left, top = pair[1].box[:2]
    assert pair[1].weight[0, y - top, x - left] == 0


@pytest.mark.parametrize("shift", [(-230, 0), (270, 0), (0, -125), (0, 380), (-225, -120)])
def test_a_face_at_the_border_of_the_picture(frame, face, stand_in, shift):
    cut = torch.roll(frame, (shift[1], shift[0]), (1, 2))
    (patch,) = restore_faces(stand_in(sharpen), cut, [moved(face, shift)])
    left, top, right, bottom = patch.box
    assert 0 <= left < right <= 512 and 0 <= top < bottom <= 512
    assert patch.weight.max() > 0.9
    result = blend_faces(cut, [patch])
    assert torch.isfinite(result).all() and result.min() >= 0 and result.max() <= 1
    assert mean_shift(cut, result, patch) < 1 / 255


def test_beyond_the_picture_its_border_goes_on(frame, face, stand_in):
    """Mirrored, a motion would go the other way there."""
    high = replace(face, landmarks=ffhq_landmarks(256) + np.float32([128, -60]))
    (seen,) = deblur_faces(stand_in(lambda lq: lq), frame, [high])
    assert torch.allclose(seen.crop[:, 62:], frame[:, 2:196, 128:384], atol=1e-3)
    assert torch.allclose(seen.crop[:, :58], frame[:, :1, 128:384].expand(-1, 58, -1), atol=1e-3)


def test_at_the_border_of_the_picture_the_change_fades_out(frame, face, stand_in):
    left = int(face.landmarks[:, 0].min())
    picture = frame[:, :, left:]
    (patch,) = restore_faces(stand_in(sharpen), picture, [moved(face, (-left, 0))])
    row = int(face.landmarks[2, 1]) - patch.box[1]
    first, *_, fourth, fifth = patch.weight[0, row, :5].tolist()
    assert patch.box[0] == 0 and first < 0.2 < 0.8 < fourth < fifth


def test_a_face_outside_and_one_without_extent_are_left_out(frame, face, stand_in):
    point = replace(face, landmarks=np.full((5, 2), 100, np.float32))
    faces = [moved(face, (2000, 0)), point, face]
    patches = restore_faces(stand_in(sharpen), frame, faces)
    assert [patch.detection for patch in patches] == [face]


def test_a_face_that_is_larger_than_the_cap_keeps_its_fine_detail(face, stand_in):
    size = 2048
    checks = (torch.arange(size)[:, None] + torch.arange(size)) % 2
    large = (0.4 + 0.2 * checks.float()).expand(3, -1, -1)
    (patch,) = restore_faces(stand_in(lambda lq: lq), large, [moved(face, scale=4)], max_crop=128)
    assert patch.crop.shape == (3, 128, 128)
    assert (patch.crop - 0.5).abs().max() < 0.1  # no moire in what the network sees
    torch.testing.assert_close(blend_faces(large, [patch]), large)


def test_the_cap_must_be_a_size_of_crops(frame, face, stand_in):
    with pytest.raises(ValueError, match=r"max_crop is 300.*128"):
        restore_faces(stand_in(sharpen), frame, [face], max_crop=300)


def test_a_broken_face_stays_as_it_is(frame, face, stand_in):
    result = blend_faces(
        frame, restore_faces(stand_in(lambda lq: lq * float("nan")), frame, [face])
    )
    assert torch.equal(result, frame)


def test_values_beyond_the_range_survive(frame, face, stand_in):
    bright = frame * 1.5 - 0.1
    patches = restore_faces(stand_in(lambda lq: lq), bright, [face])
    result = blend_faces(bright, patches)
    torch.testing.assert_close(result, bright, atol=1e-6, rtol=0)


def test_no_faces(frame, stand_in):
    assert restore_faces(stand_in(sharpen), frame, []) == []
    assert torch.equal(blend_faces(frame, []), frame)


@pytest.mark.gpu
def test_the_gpu_gives_the_same(frame, face, tiny_net):
    ours = blend_faces(frame, restore_faces(tiny_net, frame, [face]))
    net, moved_frame = tiny_net.cuda(), frame.cuda()
    theirs = blend_faces(moved_frame, restore_faces(net, moved_frame, [face])).cpu()
    torch.testing.assert_close(ours, theirs, atol=2 / 255, rtol=0)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_face_with_a_sample_that_is_not_finite_is_left_alone(frame, face, stand_in, value):
    other = moved(face, (160, 0), 0.5)
    alone = restore_faces(stand_in(sharpen), frame, [other])
    left, top, *_ = restore_faces(stand_in(sharpen), frame, [face])[0].box
    broken = frame.clone()
    broken[1, top, left] = value  # within the box, but not of the head
    faces = deblur_faces(stand_in(sharpen), broken, [face, other])
    assert faces[0] is None and torch.equal(faces[1].restored, alone[0].restored)


def test_the_region_of_faces_is_all_that_their_crops_look_at(frame, face, stand_in):
    large = F.interpolate(frame[None], scale_factor=3)[0]
    one = moved(face, (1, 1), 3)
    left, top, right, bottom = faces_region([one], large.shape[-2:])
    part = large[:, top:bottom, left:right]
    net = stand_in(sharpen)
    for max_crop in (128, 512):
        (whole,) = restore_faces(net, large, [one], max_crop=max_crop)
        (cut,) = restore_faces(net, part, [moved(one, (-left, -top))], max_crop=max_crop)
        torch.testing.assert_close(cut.crop, whole.crop, atol=1e-4, rtol=0)
