import numpy as np
import pytest
import torch

from smfd_plugin.restore import restore_faces
from smfd_plugin.restore.fusion import fuse

SAME = np.eye(2, 3)


@pytest.fixture
def crop(frame) -> torch.Tensor:
    """A face of 256 pixels."""
    return frame[:, :256, 96:352].contiguous()


def noisy(crop: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return crop + 0.05 * torch.randn(crop.shape, generator=generator)


def inner(crop: torch.Tensor) -> torch.Tensor:
    return crop[..., 32:-32, 32:-32]


def test_alone_a_crop_stays_as_it_is(crop):
    assert fuse(crop, []) is crop


def test_the_same_crop_changes_nothing(crop):
    torch.testing.assert_close(fuse(crop, [(crop, SAME)] * 3), crop, atol=2e-3, rtol=0)


def test_noise_is_averaged(crop):
    fused = fuse(noisy(crop, 0), [(noisy(crop, seed), SAME) for seed in range(1, 7)])
    error = float(inner(fused - crop).square().mean().sqrt())
    assert error < 0.6 * 0.05


def test_neighbours_are_moved_into_place(crop):
    shifted = [crop.roll((dy, dx), (1, 2)) for dy, dx in ((3, 0), (-2, 4), (0, -5))]
    fused = fuse(crop, [(other, SAME) for other in shifted])
    plain = (crop + sum(shifted)) / 4
    assert inner(fused - crop).abs().mean() < 0.3 * inner(plain - crop).abs().mean()


def test_neighbours_are_found_where_their_matrix_says(frame):
    crop = frame[:, :256, 96:352].contiguous()
    there = np.array([[1, 0, 96], [0, 1, 0.0]])
    torch.testing.assert_close(fuse(crop, [(frame, there)] * 3), crop, atol=2e-3, rtol=0)
    large = torch.nn.functional.interpolate(frame[None], scale_factor=2, mode="bilinear")[0]
    there = np.array([[2, 0, 192.5], [0, 2, 0.5]])
    assert inner(fuse(crop, [(large, there)] * 3) - crop).abs().mean() < 0.01


def test_what_neighbours_do_not_show_stays(crop):
    changed = crop.clone()
    changed[:, 100:140, 100:140] = 1 - changed[:, 100:140, 100:140]  # an eye that opens
    fused = fuse(changed, [(crop, SAME)] * 6)
    middle = (slice(None), slice(110, 130), slice(110, 130))
    assert (fused - changed)[middle].abs().mean() < 0.2 * (crop - changed)[middle].abs().mean()


def test_a_faces_neighbours_help_it(frame, face, stand_in):
    net = stand_in(lambda crop: crop)
    others = [(noisy(frame, seed), face.landmarks) for seed in range(1, 7)]
    grainy = noisy(frame, 0)
    (alone,) = restore_faces(net, grainy, [face])
    (helped,) = restore_faces(net, grainy, [face], neighbours=[others])
    clean = restore_faces(net, frame, [face])[0].crop
    before, after = ((inner(p.restored) - inner(clean)).std() for p in (alone, helped))
    assert after < 0.7 * before
    np.testing.assert_array_equal(helped.crop, alone.crop)


def test_the_crop_is_as_large_as_the_largest_neighbour_asks_for(frame, face, stand_in):
    net = stand_in(lambda crop: crop)
    larger = face.landmarks * 1.6
    (patch,) = restore_faces(net, frame, [face], neighbours=[[(frame, larger)]])
    (alone,) = restore_faces(net, frame, [face])
    assert patch.crop.shape[-1] == 2 * alone.crop.shape[-1]
