import pytest
import torch
from torch import nn

from smfd_plugin.data.scenario import Scenario
from smfd_plugin.data.template import ffhq_landmarks
from smfd_plugin.data.tensors import from_tensor, to_tensor
from smfd_plugin.restore.align import inverse, picture_to_crop, warp
from smfd_plugin.restore.network import run_network
from smfd_plugin.restore.sizes import restoration_size, run_aligned, run_fitted, smaller_size
from smfd_plugin.weights import load_network

LONG_MOTION = Scenario("line", 61, 20.0, 0, 0.4, 0.4, 1.0, 2.0, 0, "noise-jpeg")


@pytest.mark.parametrize(
    "side, max_crop, size",
    [
        *[(60, 512, 128), (85, 512, 128), (86, 512, 192), (120, 512, 192), (120, 128, 128)],
        *[(127, 512, 192), (129, 512, 256), (255, 512, 256), (257, 512, 384), (700, 512, 512)],
    ],
)
def test_small_faces_are_enlarged_by_half_to_what_the_network_was_trained_on(side, max_crop, size):
    assert restoration_size(ffhq_landmarks(side) + 7, max_crop) == size


@pytest.mark.parametrize(
    ("size", "extent", "smaller"),
    [
        *[(512, 0, None), (512, 34, None), (512, 34.1, 384), (512, 45, 384), (512, 46, 256)],
        *[(512, 68, 256), (512, 400, 128), (256, 34.1, 192), (1024, 46, 512)],
        *[(600, 34.1, 512), (192, 34.1, 128), (128, 46, None), (100, 46, None)],
    ],
)
def test_longer_blur_than_was_trained_on_asks_for_a_smaller_crop(size, extent, smaller):
    assert smaller_size(size, extent) == smaller


class Sized(nn.Module):
    """Adds a wave of 8 pixels; its masks are brightness; notes the sizes."""

    def __init__(self, log_kernel=None):
        super().__init__()
        self.log_kernel = log_kernel
        self.shapes = []

    def forward(self, lq, return_masks, return_kernel):
        self.shapes.append(tuple(lq.shape[-2:]))
        wave = 0.1 * torch.sin(torch.arange(lq.shape[-1]) * torch.pi / 4)
        return lq + wave, lq.mean(1, keepdim=True), self.log_kernel and self.log_kernel(lq)


@pytest.mark.parametrize(
    ("shape", "seen"), [((64, 64), (256, 256)), ((32, 100), (82, 256)), ((255, 40), (256, 40))]
)
def test_small_faces_are_enlarged_for_the_network(shape, seen):
    net, faces = Sized(), torch.rand(2, 3, *shape)
    restored, logits = run_aligned(net, faces)
    assert net.shapes == [seen]
    assert restored.shape == faces.shape and logits.shape == (2, 1, *shape)


@pytest.mark.parametrize("shape", [(256, 256), (64, 256), (300, 40)])
def test_others_are_not(shape):
    net, faces = Sized(), torch.rand(2, 3, *shape)
    for ours, expected in zip(run_aligned(net, faces), run_network(net, faces)[:2], strict=True):
        assert torch.equal(ours, expected)
    assert net.shapes == [shape, shape]


def test_what_is_changed_in_an_enlarged_face_is_shrunk_with_it():
    faces = torch.rand(1, 3, 128, 128)
    restored, logits = run_aligned(Sized(), faces)
    change = (restored - faces)[0, 0, 0, 4:-4]
    wave = 0.1 * torch.sin(torch.arange(256) * torch.pi / 4)
    shrunk = (wave[0::2] + wave[1::2])[4:-4] / 2
    assert torch.nn.functional.cosine_similarity(change, shrunk, dim=0) > 0.99
    assert (logits - faces.mean(1)).abs().mean() < 0.1


def test_what_is_left_alone_stays_exactly_as_it_is():
    faces = torch.rand(1, 3, 64, 64)
    restored, _ = run_aligned(lambda lq, return_masks, return_kernel: (lq, lq, None), faces)
    assert torch.equal(restored, faces)


def points_apart(parts):
    """From faces to the kernels of two points, as far apart as so many times their width, of a part
    for each face."""

    def log_kernel(lq):
        kernels = torch.zeros(len(lq), 47, 47)
        for kernel, part in zip(kernels, parts, strict=False):
            reach = min(round(part * lq.shape[-1]) // 2, 23)
            kernel[23, 23 - reach] += 0.5
            kernel[23, 23 + reach] += 0.5
        return kernels.log()

    return log_kernel


@pytest.mark.parametrize(
    ("shape", "part", "seen"),
    [
        ((512, 512), 0.06, [(512, 512)]),
        ((512, 512), 0.075, [(512, 512), (384, 384)]),
        ((512, 512), 0.1, [(512, 512), (256, 256)]),
        ((512, 512), 0.15, [(512, 512), (256, 256), (192, 192)]),
        ((512, 512), 0.2, [(512, 512), (256, 256), (128, 128)]),
        ((100, 100), 0.15, [(256, 256), (192, 192)]),
        ((32, 400), 0.1, [(32, 400), (32, 256)]),
    ],
)
def test_long_blur_is_looked_at_in_smaller_faces(shape, part, seen):
    net, faces = Sized(points_apart([part])), torch.rand(1, 3, *shape)
    restored, logits = run_aligned(net, faces)
    assert net.shapes == seen
    assert restored.shape == faces.shape and logits.shape == (1, 1, *shape)


def test_each_face_has_a_size_of_its_own():
    net, faces = Sized(points_apart([0.06, 0.1, 0.06])), torch.rand(3, 3, 512, 512)
    restored, logits = run_aligned(net, faces)
    sharp = run_aligned(Sized(), faces)
    blurry = run_aligned(Sized(points_apart([0.1])), faces[1:2])
    assert torch.equal(restored[[0, 2]], sharp[0][[0, 2]])
    assert torch.equal(logits[[0, 2]], sharp[1][[0, 2]])
    assert torch.equal(restored[1:2], blurry[0]) and torch.equal(logits[1:2], blurry[1])


def test_of_a_face_that_is_too_blurry_the_first_result_gives_the_fine_detail_alone():
    """The first has checks of one pixel and is too bright, the second has a ramp."""
    checks = 0.1 * (1 - 2.0 * ((torch.arange(512)[:, None] + torch.arange(512)) % 2))
    ramp = torch.linspace(0, 1, 512).expand(1, 3, 512, 512)

    def net(lq, return_masks, return_kernel):
        large = lq.shape[-1] == 512
        return lq + checks + 0.3 if large else lq, lq, points_apart([0.1])(lq)

    restored, logits = run_fitted(net, ramp)
    inside = (..., slice(4, -4), slice(4, -4))
    torch.testing.assert_close(restored[inside], (ramp + checks)[inside], atol=1e-3, rtol=0)
    torch.testing.assert_close(logits[inside], ramp[inside], atol=1e-3, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("weights", [None, "tiny"])
def test_motion_of_twice_the_trained_length_is_undone(frame, face, weights):
    """Of 61 pixels, in a face of 512."""
    to_picture = inverse(picture_to_crop(face.landmarks, 512))
    gt = warp(frame[None], [to_picture], (512, 512), "reflection").clamp(0, 1)
    lq = to_tensor(LONG_MOTION.apply(from_tensor(gt)))
    net = load_network(weights)
    before, as_it_is, smaller = (
        psnr(image, gt) for image in (lq, net(lq), run_aligned(net, lq)[0])
    )
    assert smaller > max(before, as_it_is) + 1


def psnr(image, gt):
    return -10 * (image.clamp(0, 1) - gt).square().mean().log10().item()
