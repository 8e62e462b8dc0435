from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchvision.transforms.functional import rotate

from smfd_plugin.data.template import FFHQ_TEMPLATE
from smfd_plugin.restore import deblur_faces
from smfd_plugin.restore.align import face_side
from smfd_plugin.restore.detect import enlarged
from smfd_plugin.restore.fusion import View, fuse, view


@pytest.fixture
def see(stand_in, face):
    """The face as a frame shows it, with a network that changes nothing."""

    def run(frame: torch.Tensor) -> View:
        (found,) = deblur_faces(stand_in(lambda crop: crop), frame, [face])
        return view(found)

    return run


def noisy(frame: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return frame + 0.05 * torch.randn(frame.shape, generator=generator)


def inner(crop: torch.Tensor) -> torch.Tensor:
    """The face without the background."""
    side = crop.shape[-1]
    return crop[..., side // 4 : 3 * side // 4, side // 4 : 3 * side // 4]


def eyes(crop: torch.Tensor) -> list[torch.Tensor]:
    scale = crop.shape[-1] / 512
    return [
        crop[:, round((y - 20) * scale) : round((y + 20) * scale),
             round((x - 35) * scale) : round((x + 35) * scale)]
        for x, y in FFHQ_TEMPLATE[:2]
    ]  # fmt: skip


def test_alone_a_face_stays_as_it_is(frame, see):
    own = see(frame)
    assert torch.equal(fuse(own, []), own.face.restored)


def test_noise_is_averaged(frame, see):
    clean = see(frame).face.restored
    own, *others = (see(noisy(frame, seed)) for seed in range(7))
    fused = fuse(own, [(other, 1.0) for other in others])
    before, after = (inner(x - clean).std() for x in (own.face.restored, fused))
    assert after < 0.6 * before


def test_neither_light_nor_its_colour_matters(frame, see):
    clean = see(frame).face.restored
    dimmed = frame - torch.tensor([0.1, 0.0, 0.05]).view(3, 1, 1)
    own, *others = see(noisy(frame, 0)), *(see(noisy(dimmed, seed)) for seed in range(1, 7))
    fused = fuse(own, [(other, 1.0) for other in others])
    before, after = (inner(x - clean).std((1, 2)) for x in (own.face.restored, fused))
    assert (after < 0.5 * before).all()


def test_what_hardly_counts_is_left_out(frame, see):
    own, other = see(frame), see(noisy(frame, 1))
    share = (own.detail / other.detail) ** 2  # that counts as much as its own
    assert torch.equal(fuse(own, [(other, 0.05 * share)]), own.face.restored)
    assert not torch.equal(fuse(own, [(other, 0.06 * share)]), own.face.restored)
    one, alone = [(other, share)], fuse(own, [(other, share)])
    assert torch.equal(fuse(own, [*one, (see(noisy(frame, 2)), 0.06 * share)]), alone)


def test_others_are_moved_into_place(frame, see):
    own = see(frame)
    shifted = [frame.roll((dy, dx), (1, 2)) for dy, dx in ((3, 0), (-2, 4), (0, -5))]
    others = [see(other) for other in shifted]
    fused = fuse(own, [(other, 1.0) for other in others])
    plain = sum(other.face.restored for other in others) / 3
    error, unmoved = (inner(x - own.face.restored).abs().mean() for x in (fused, plain))
    assert error < 0.15 * unmoved


def test_the_crops_may_differ_in_size(frame, face, stand_in):
    net = stand_in(lambda crop: crop)
    large, small = (view(deblur_faces(net, frame, [face], max_crop=size)[0]) for size in (256, 128))
    for own, other in ((large, small), (small, large)):
        fused = fuse(own, [(other, 1.0)] * 3)
        assert fused.shape == own.face.restored.shape
        assert inner(fused - own.face.restored).abs().mean() < 0.02


@pytest.mark.parametrize("blinking", [True, False])
def test_an_eye_stays_open_or_closed(frame, face, see, close_eyes, blinking):
    shut = close_eyes(frame.permute(1, 2, 0).numpy(), face.landmarks)
    pictures = frame, torch.from_numpy(shut).permute(2, 0, 1).contiguous()
    own, other = (see(noisy(picture, seed)) for seed, picture in enumerate(pictures))
    if blinking:
        own, other = other, own
    fused = fuse(own, [(other, 1.0)] * 6)
    for before, after, foreign in zip(
        *(eyes(x) for x in (own.face.restored, fused, other.face.restored)), strict=True
    ):
        means = [x.mean((1, 2)) for x in (before, after, foreign)]
        assert (means[2] - means[0]).abs().mean() > 0.05
        assert (means[1] - means[0]).abs().mean() < 0.02 * (means[2] - means[0]).abs().mean()


def test_a_mark_is_not_mixed_in_even_where_its_light_half_meets_its_dark_one(frame, see):
    own = see(frame)
    marked = own.face.restored.clone()
    light, dark = marked[:, 80:112, 80:96], marked[:, 80:112, 96:112]
    light += 0.2
    dark -= 0.2
    other = view(replace(own.face, restored=marked))
    change = (fuse(own, [(other, 1.0)] * 6) - own.face.restored)[:, 80:112, 80:112]
    assert change.abs().max() < 0.01


def test_blurry_frames_count_less_for_sharp_ones(frame, see):
    soft = torch.nn.functional.avg_pool2d(frame[None], 9, 1, 4)[0]
    sharp, blurry = see(frame), see(soft)
    away = [
        inner(fuse(own, [(other, 1.0)]) - own.face.restored).abs().mean()
        for own, other in ((sharp, blurry), (blurry, sharp))
    ]
    assert away[0] < 0.2 * away[1]


def test_other_pictures_do_not_count(frame, see):
    own = see(frame)
    nothing = see(torch.full_like(frame, 0.5))
    assert torch.equal(fuse(own, [(nothing, 1.0)]), own.face.restored)


def test_a_head_on_its_side_does_not_count(frame, face, see):
    own = see(frame)
    lying = see(rotate(frame, 90, center=face.landmarks.mean(0).tolist()))
    assert torch.equal(fuse(own, [(lying, 1.0)]), own.face.restored)


def test_a_face_that_is_more_than_a_tenth_of_its_side_away_does_not_count(frame, see):
    own = see(frame)
    near, far = see(frame.roll(16, 2)), see(frame.roll(20, 2))  # the side is 166 pixels long
    assert not torch.equal(fuse(own, [(near, 1.0)]), own.face.restored)
    assert torch.equal(fuse(own, [(far, 1.0)]), own.face.restored)


def test_detail_does_not_depend_on_the_crop(frame, face, stand_in):
    """Sides just below and above those at which the next larger crop is taken."""

    def detail(side: int) -> float:
        scale = side / face_side(face.landmarks)
        smaller = F.interpolate(frame[None], scale_factor=scale, mode="area")[0]
        there = enlarged(face, np.float32([scale, scale]))
        (found,) = deblur_faces(stand_in(lambda crop: crop), smaller, [there])
        return view(found).detail

    assert detail(84) == pytest.approx(detail(86), rel=0.25)
    assert detail(127) == pytest.approx(detail(129), rel=0.25)
