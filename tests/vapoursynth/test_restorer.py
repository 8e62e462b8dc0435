import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from smfd_plugin.restore import deblur_faces, make_detector, place_faces
from smfd_plugin.vapoursynth.restorer import Restorer, copy_to_cpu

WHOLE = 0, 0, 256, 256


@pytest.fixture
def image(astronaut) -> torch.Tensor:
    rgb = astronaut[:256, 96:352, ::-1].transpose(2, 0, 1)
    return torch.from_numpy(rgb.copy()).float() / 255


def restored(restorer, image, faces, amounts):
    views = restorer.deblur(image, faces, WHOLE)
    return restorer.blend(image, [(view, []) for view in views], amounts, WHOLE)


def test_a_device_without_memory_gives_way_to_the_cpu_with_one_warning(
    image, tiny_net, caplog, monkeypatch
):
    faces = make_detector("tiny")(image)
    expected = restored(Restorer(tiny_net, False, 0.02, 1), image, faces, [1.0])
    assert not torch.equal(expected, image)

    def crowded(function, image, *arguments, **more):
        if image.is_meta:  # which stands for a GPU here
            raise MemoryError("full")
        return function(*arguments, **more)

    there = "smfd_plugin.vapoursynth.restorer."
    monkeypatch.setattr(
        there + "deblur_faces", lambda *args, **more: crowded(deblur_faces, args[1], *args, **more)
    )
    monkeypatch.setattr(there + "place_faces", lambda *args: crowded(place_faces, args[0], *args))
    restorer = Restorer(tiny_net, False, 0.02, 1)
    restorer._device = torch.device("meta")
    for _ in range(2):
        assert torch.equal(restored(restorer, image, faces, [1.0]), expected)
    warning = "smfd.Deblur: meta lacks memory; what does not fit is done on the CPU"
    assert caplog.messages == [warning]


def test_two_streams_without_memory_share_one_copy_and_one_warning(tiny_net, caplog, monkeypatch):
    copies, second = [], threading.Event()

    def copy(net):
        copies.append(net)
        if len(copies) == 2:
            second.set()
        second.wait(0.5)  # as long as a second stream needs to come here, too
        return copy_to_cpu(net)

    def crowded(net, image, *_, **__):
        if net is tiny_net:
            raise MemoryError("full")
        return [net]

    there = "smfd_plugin.vapoursynth.restorer."
    monkeypatch.setattr(there + "copy_to_cpu", copy)
    monkeypatch.setattr(there + "deblur_faces", crowded)
    monkeypatch.setattr(there + "view", lambda face: face)
    restorer = Restorer(tiny_net, False, 0.02, 2)
    restorer._device = torch.device("meta")
    with ThreadPoolExecutor(2) as pool:
        image = torch.zeros(3, 8, 8)
        used = [each for (each,) in pool.map(lambda _: restorer.deblur(image, [], WHOLE), range(2))]
    assert len(copies) == 1 and used[0] is used[1]
    assert len(caplog.messages) == 1


def test_the_copy_on_the_cpu_takes_no_memory_of_the_device(tiny_net, monkeypatch):
    def full(*_):
        raise MemoryError("full")

    tiny_net.register_buffer("table", torch.arange(4))
    monkeypatch.setattr(nn.Parameter, "__deepcopy__", full)  # what copies on the tensor's device
    monkeypatch.setattr(Tensor, "__deepcopy__", full)
    copy = copy_to_cpu(tiny_net)
    assert type(copy) is type(tiny_net) and not copy.training
    assert all(isinstance(weights, nn.Parameter) for weights in copy.parameters())
    before, after = tiny_net.state_dict(), copy.state_dict()
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.equal(after[name], value)
        assert after[name].data_ptr() != value.data_ptr()


def test_a_cpu_without_memory_says_so(image, tiny_net, monkeypatch):
    def crowded(*_, **__):
        raise MemoryError("full")

    monkeypatch.setattr("smfd_plugin.vapoursynth.restorer.deblur_faces", crowded)
    with pytest.raises(MemoryError, match="full"):
        Restorer(tiny_net, False, 0.02, 1).deblur(image, [], WHOLE)


def test_amounts_scale_each_face(image, tiny_net):
    faces = make_detector("tiny")(image)
    restorer = Restorer(tiny_net, False, 0.02, 1)
    full, faint, none = (
        restored(restorer, image, faces, [amount]) - image for amount in (1.0, 0.25, 0.0)
    )
    torch.testing.assert_close(faint, full / 4, atol=1e-6, rtol=0)
    assert not none.any()
