import pytest
import torch
from torch import nn

from smfd_plugin.restore import network
from smfd_plugin.restore.network import pick_device, run_enlarged, run_network


class Recorder(nn.Module):
    """Adds 0.1; notes the batches, and can fail as a device does."""

    def __init__(self, most=100, broken_in=(), broken_face=None):
        super().__init__()
        self.most, self.broken_in, self.broken_face = most, broken_in, broken_face
        self.batches = []

    def forward(self, lq, return_masks):
        assert return_masks
        if len(lq) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(len(lq))
        image = lq + 0.1
        half = torch.is_autocast_enabled(lq.device.type)
        if half in self.broken_in and self.broken_face is not None:
            image[lq.mean((1, 2, 3)) == self.broken_face] = float("nan")
        return image, torch.ones(len(lq), 7, *lq.shape[-2:])


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
    restored, logits = run_network(net, faces)
    assert net.batches == [4, 2]
    torch.testing.assert_close(restored, faces + 0.1)
    assert logits.shape == (6, 7, 32, 32)


@pytest.mark.parametrize(("most", "batches"), [(5, [3, 3]), (2, [1] * 6)])
def test_out_of_memory_halves_the_batch(faces, most, batches):
    net = Recorder(most)
    restored, _ = run_network(net, faces)
    assert net.batches == batches
    torch.testing.assert_close(restored, faces + 0.1)


def test_a_face_that_does_not_fit_is_one_clear_error(faces):
    with pytest.raises(MemoryError, match="32x32"):
        run_network(Recorder(most=0), faces)


def test_no_faces():
    restored, logits = run_network(Recorder(), torch.zeros(0, 3, 32, 32))
    assert restored.shape == (0, 3, 32, 32) and len(logits) == 0


def test_a_face_that_half_precision_breaks_is_done_again(faces, half_works):
    net = Recorder(broken_in=(True,), broken_face=0.25)
    restored, _ = run_network(net, faces, half=True)
    assert net.batches == [6, 1]
    torch.testing.assert_close(restored, faces + 0.1)


@pytest.mark.parametrize("half", [False, True])
def test_a_face_that_always_breaks_stays_as_it_is(faces, half_works, half):
    restored, logits = run_network(Recorder(broken_in=(True, False), broken_face=0.25), faces, half)
    assert torch.equal(restored[2], faces[2])
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


class Sized(nn.Module):
    """Adds a wave of 8 pixels; its masks are brightness; notes the sizes."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def forward(self, lq, return_masks):
        self.shapes.append(tuple(lq.shape[-2:]))
        wave = 0.1 * torch.sin(torch.arange(lq.shape[-1]) * torch.pi / 4)
        return lq + wave, lq.mean(1, keepdim=True)


@pytest.mark.parametrize(
    ("shape", "seen"), [((64, 64), (256, 256)), ((32, 100), (82, 256)), ((255, 40), (256, 40))]
)
def test_small_faces_are_enlarged_for_the_network(shape, seen):
    net, faces = Sized(), torch.rand(2, 3, *shape)
    restored, logits = run_enlarged(net, faces)
    assert net.shapes == [seen]
    assert restored.shape == faces.shape and logits.shape == (2, 1, *shape)


@pytest.mark.parametrize("shape", [(256, 256), (64, 256), (300, 40)])
def test_others_are_not(shape):
    net, faces = Sized(), torch.rand(2, 3, *shape)
    for ours, expected in zip(run_enlarged(net, faces), run_network(net, faces), strict=True):
        assert torch.equal(ours, expected)
    assert net.shapes == [shape, shape]


def test_what_is_changed_in_an_enlarged_face_is_shrunk_with_it():
    faces = torch.rand(1, 3, 128, 128)
    restored, logits = run_enlarged(Sized(), faces)
    change = (restored - faces)[0, 0, 0, 4:-4]
    wave = 0.1 * torch.sin(torch.arange(256) * torch.pi / 4)
    shrunk = (wave[0::2] + wave[1::2])[4:-4] / 2
    assert torch.nn.functional.cosine_similarity(change, shrunk, dim=0) > 0.99
    assert (logits - faces.mean(1)).abs().mean() < 0.1


def test_what_is_left_alone_stays_exactly_as_it_is():
    faces = torch.rand(1, 3, 64, 64)
    restored, _ = run_enlarged(lambda lq, return_masks: (lq, lq), faces)
    assert torch.equal(restored, faces)
