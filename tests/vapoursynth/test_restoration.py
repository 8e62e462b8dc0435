import numpy as np
import pytest
import torch

from smfd_plugin.restore import make_detector
from smfd_plugin.vapoursynth.colour import describe
from smfd_plugin.vapoursynth.detection import find_faces, steady
from smfd_plugin.vapoursynth.properties import BOX, ERROR
from smfd_plugin.vapoursynth.regions import face_regions
from smfd_plugin.vapoursynth.restoration import restorations
from smfd_plugin.vapoursynth.restorer import Restorer
from smfd_plugin.vapoursynth.streams import plan_streams


class Counting(Restorer):
    """Counts the frames whose faces it restores."""

    def __init__(self, net):
        super().__init__(net, half=False, feather=0.02, calls=1)
        self.frames = 0

    def deblur(self, image, detections):
        self.frames += 1
        return super().deblur(image, detections)


@pytest.fixture
def restorer(tiny_net):
    return Counting(tiny_net)


@pytest.fixture
def changes(restorer):
    """What restoring the faces of a clip adds to its frames."""

    def make(clip, radius=1, sharp_gate=0.0, max_faces=0, strength=1.0):
        streams = plan_streams(1, torch.device("cpu"))
        described = describe(clip, None)
        found = find_faces(described, make_detector("tiny"), 32, streams)
        faces = steady(found, radius, max_faces, sharp_gate, strength)
        rgb = face_regions(described, found, faces)
        size = clip.height, clip.width
        more = {"radius": radius, "sharp_gate": sharp_gate, "max_faces": max_faces}
        return restorations(rgb, size, found, faces, restorer, streams, **more)

    return make


@pytest.mark.parametrize("order", [range(5), [4, 0, 2, 1, 3]])
def test_each_frame_is_restored_once_whatever_the_order(portrait, changes, restorer, order):
    clip = changes(portrait(length=5), radius=2)
    for n in order:
        clip.get_frame(n)
    assert restorer.frames == 5


def test_a_change_is_as_large_as_the_faces_surroundings(portrait, changes, planes):
    frame = changes(portrait()).get_frame(1)
    left, top, right, bottom = frame.props[BOX]
    assert 0 <= left < right <= 256 and 0 <= top < bottom <= 256
    assert (frame.width, frame.height) == (right - left, bottom - top)
    assert max(np.abs(plane).max() for plane in planes(frame)) > 0.01


def test_other_amounts_change_in_proportion(portrait, changes, planes):
    whole, half = (planes(changes(portrait(), strength=s).get_frame(1)) for s in (1.0, 0.5))
    for one, other in zip(whole, half, strict=True):
        np.testing.assert_allclose(other, one / 2, atol=1e-6)


@pytest.mark.parametrize("more", [{"sharp_gate": 1000.0}, {"strength": 0.0}])
def test_what_is_left_alone_costs_no_restoration(portrait, changes, restorer, more):
    frame = changes(portrait(), radius=0, **more).get_frame(1)
    assert BOX not in frame.props
    assert restorer.frames == 0


def test_frames_without_a_face_have_no_change(portrait, changes, restorer):
    clip = changes(portrait(shown="x.x"), radius=0)
    assert [BOX in clip.get_frame(n).props for n in range(3)] == [True, False, True]
    assert restorer.frames == 2


def test_an_error_is_a_property_of_the_frame(portrait, changes, restorer, monkeypatch):
    monkeypatch.setattr(restorer, "blend", lambda *_: 1 / 0)
    frame = changes(portrait()).get_frame(2)
    assert frame.props[ERROR] == "smfd.Deblur: frame 2: division by zero"
