import numpy as np
import pytest
import torch

from smfd_plugin.restore import restore_faces
from smfd_plugin.restore.fusion import fuse


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
    assert fuse(crop, crop.new_zeros(0, 3, 256, 256)) is crop


def test_the_same_crop_changes_nothing(crop):
    torch.testing.assert_close(fuse(crop, crop.expand(3, -1, -1, -1)), crop, atol=2e-3, rtol=0)


def test_noise_is_averaged(crop):
    fused = fuse(noisy(crop, 0), torch.stack([noisy(crop, seed) for seed in range(1, 7)]))
    error = float(inner(fused - crop).square().mean().sqrt())
    assert error < 0.6 * 0.05


def test_neighbours_are_moved_into_place(crop):
    shifted = torch.stack([crop.roll((dy, dx), (1, 2)) for dy, dx in ((3, 0), (-2, 4), (0, -5))])
    fused = fuse(crop, shifted)
    plain = (crop + shifted.sum(0)) / 4
    assert inner(fused - crop).abs().mean() < 0.3 * inner(plain - crop).abs().mean()


def test_what_neighbours_do_not_show_stays(crop):
    changed = crop.clone()
    changed[:, 100:140, 100:140] = 1 - changed[:, 100:140, 100:140]  # an eye that opens
    fused = fuse(changed, crop.expand(6, -1, -1, -1))
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
