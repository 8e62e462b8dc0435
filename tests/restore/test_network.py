import pytest
import torch
from torch import nn

from smfd_plugin.restore import network
from smfd_plugin.restore.network import memory_of, pick_device, run_network


def lines(greys):
    """Logarithms of kernels of 5x5: a line each, the longer the brighter, of 0, 1, 2, 2, 3 and 4
    pixels from end to end for the greys of `faces`."""
    kernels = torch.full((len(greys), 5, 5), 1e-6)
    for kernel, grey in zip(kernels, greys, strict=True):
        first, last = {0: (2, 2), 1: (2, 3), 2: (1, 3), 3: (1, 3), 4: (1, 4)}.get(
            round(8 * float(grey)), (0, 4)
        )
        kernel[2, first : last + 1] = 1 / (last + 1 - first)
    return kernels.log()


class Recorder(nn.Module):
    """Adds 0.1; notes the batches, and can fail as a device does. With `blur` it says that brighter
    faces are blurrier, see `lines`."""

    def __init__(self, most=100, broken_in=(), broken_face=None, blur=False):
        super().__init__()
        self.blur = blur
        self.most, self.broken_in, self.broken_face = most, broken_in, broken_face
        self.batches = []

    def forward(self, lq, return_masks, return_kernel):
        assert return_masks and return_kernel
        if len(lq) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(len(lq))
        image = lq + 0.1
        half = torch.is_autocast_enabled(lq.device.type)
        if half in self.broken_in and self.broken_face is not None:
            image[lq.mean((1, 2, 3)) == self.broken_face] = float("nan")
        log_kernel = lines(lq.mean((1, 2, 3))) if self.blur else None
        return image, torch.ones(len(lq), 7, *lq.shape[-2:]), log_kernel


@pytest.fixture
def faces():
    """Six faces of one grey each: 0, 0.125, 0.25, ..."""
    return (torch.arange(6) / 8).view(6, 1, 1, 1).expand(6, 3, 32, 32).contiguous()


@pytest.fixture
def half_works(monkeypatch):
    monkeypatch.setattr(network, "half_dtype", lambda device: torch.bfloat16)


@pytest.mark.parametrize("name", ["cud", "", "meta", "cuda:99", "cpu:x"])
def test_devices_that_are_not_there(name):
    with pytest.raises(ValueError, match="device"):
        pick_device(name)


def test_auto_is_the_gpu_if_there_is_one():
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert pick_device("cpu") == torch.device("cpu")


def test_large_inputs_go_in_several_batches(faces, monkeypatch):
    monkeypatch.setattr(network, "MAX_BATCH_PIXELS", 4 * 32 * 32)
    net = Recorder()
    restored, logits, _ = run_network(net, faces)
    assert net.batches == [4, 2]
    torch.testing.assert_close(restored, faces + 0.1)
    assert logits.shape == (6, 7, 32, 32)


@pytest.mark.parametrize(("most", "batches"), [(5, [3, 3]), (2, [1] * 6)])
def test_out_of_memory_halves_the_batch(faces, most, batches):
    net = Recorder(most)
    restored = run_network(net, faces).image
    assert net.batches == batches
    torch.testing.assert_close(restored, faces + 0.1)


def test_a_face_that_does_not_fit_is_one_clear_error(faces):
    with pytest.raises(MemoryError, match="32x32"):
        run_network(Recorder(most=0), faces)


def test_no_faces():
    restored, logits, extent = run_network(Recorder(), torch.zeros(0, 3, 32, 32))
    assert restored.shape == (0, 3, 32, 32) and len(logits) == len(extent) == 0


def test_a_face_that_half_precision_breaks_is_done_again(faces, half_works):
    net = Recorder(broken_in=(True,), broken_face=0.25)
    restored = run_network(net, faces, half=True).image
    assert net.batches == [6, 1]
    torch.testing.assert_close(restored, faces + 0.1)


@pytest.mark.parametrize("half", [False, True])
def test_a_face_that_always_breaks_stays_as_it_is(faces, half_works, half):
    net = Recorder(broken_in=(True, False), broken_face=0.25, blur=True)
    restored, logits, extent = run_network(net, faces, half)
    assert torch.equal(restored[2], faces[2]) and extent[2] == 0
    assert torch.isfinite(logits).all()
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(restored[others], faces[others] + 0.1)


def test_half_precision_changes_little(tiny_net, half_works):
    faces = torch.rand(1, 3, 64, 64)
    whole, half = run_network(tiny_net, faces)[0], run_network(tiny_net, faces, half=True)[0]
    assert half.dtype == torch.float32
    assert 0 < (half - whole).abs().max() < 4 / 255


def test_half_precision_is_left_out_where_it_does_not_work(tiny_net, monkeypatch):
    monkeypatch.setattr(network, "half_dtype", lambda device: None)
    faces = torch.rand(1, 3, 64, 64)
    assert torch.equal(run_network(tiny_net, faces, half=True)[0], run_network(tiny_net, faces)[0])


def test_how_far_the_blur_extents(faces):
    extent = run_network(Recorder(blur=True), faces).extent
    assert extent.tolist() == [0, 1, 2, 2, 3, 4]
    assert torch.equal(run_network(Recorder(), faces).extent, torch.zeros(6))


def test_an_estimate_that_is_not_finite_counts_as_a_failure(faces):
    def broken(lq, return_masks, return_kernel):
        return lq + 0.1, lq, torch.full((len(lq), 5, 5), torch.nan)

    image, _, extent = run_network(broken, faces)
    assert torch.equal(image, faces) and torch.equal(extent, torch.zeros(6))


def test_what_torch_says_of_lacking_memory_is_a_memory_error():
    with (
        pytest.raises(MemoryError, match="cpu lacks memory; use"),
        memory_of(torch.device("cpu")),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB.")
