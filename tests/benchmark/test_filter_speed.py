"""The films, the stopwatch and the loop that the filter is measured with."""

from threading import Thread

import cv2
import numpy as np
import pytest
import torch

from smfd_plugin.benchmark import filter_speed, flicker
from smfd_plugin.benchmark.filter_speed import Case, measure
from smfd_plugin.benchmark.helper_loop import helper_loop
from smfd_plugin.benchmark.moving_faces import from_clip, load_portraits, make_film, to_clip
from smfd_plugin.benchmark.stages import STAGES, Stopwatch
from smfd_plugin.restore import make_detector
from smfd_plugin.vapoursynth import deblur


@pytest.fixture(scope="module")
def film():
    """Three small frames with one portrait."""
    return make_film(load_portraits(None, 1), 320, 240, 200, 3)


def test_stages_do_not_count_twice():
    now = [0.0]

    def wait(seconds):
        now[0] += seconds

    watch = Stopwatch(lambda: now[0])
    with watch.measure("outer"):
        wait(2)
        watch.timed("inner", wait)(5)
    assert watch.seconds == {"inner": 5, "outer": 2}


def test_stages_of_other_threads_are_not_within():
    now = [0.0]
    watch = Stopwatch(lambda: now[0])

    def elsewhere():
        with watch.measure("other"):
            now[0] += 3

    with watch.measure("here"):
        thread = Thread(target=elsewhere)
        thread.start()
        thread.join()
        now[0] += 1
    assert watch.seconds == {"other": 3, "here": 4}


def test_the_filters_stages_are_all_measured(film, tiny_weights):
    watch = Stopwatch()
    with watch.watch_filter():
        sharp = deblur(to_clip(film.blurry), weights=str(tiny_weights), sharp_gate=0)
        list(sharp.frames())
    assert set(watch.seconds) == set(STAGES)
    assert min(watch.seconds.values()) > 0


def test_portraits_are_where_the_matrices_say(film):
    (truth,) = load_portraits(None, 1)
    seen = flicker.stabilise(film.sharp, film)
    expected = np.repeat(truth[flicker._FACE][None].astype(np.float32), 3, 0)
    assert flicker.psnr(seen, expected) > 22  # the frame is of half the size
    assert flicker.flicker(seen) < 6
    assert not np.array_equal(film.to_frame[0][0], film.to_frame[1][0])
    assert all(cv2.PSNR(*pair) < 40 for pair in zip(film.sharp, film.blurry, strict=True))


def test_flicker_and_psnr():
    faces = np.zeros((2, 4, 4, 3), np.float32)
    faces[1] = 10
    assert flicker.flicker(faces) == 5
    assert flicker.psnr(faces[1:], faces[:1]) == pytest.approx(20 * np.log10(25.5), abs=1e-4)


def test_a_film_comes_back_from_a_clip(film):
    for old, new in zip(film.sharp, from_clip(to_clip(film.sharp)), strict=True):
        assert cv2.PSNR(old, new) > 40


def test_the_loop_restores_the_face(film, stub_net):
    watch = Stopwatch()
    clip = to_clip(film.sharp)
    looped = from_clip(helper_loop(clip, stub_net, make_detector("tiny"), watch))
    change = np.abs(looped[1].astype(int) - from_clip(clip)[1]).max(-1)
    assert change[100:140, 130:190].mean() > 10
    assert change[:, :30].max() <= 2
    assert set(watch.seconds) == set(STAGES) - {"fuse"}


@pytest.fixture
def stub_net():
    """Makes the whole crop darker."""

    class Darker(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.by = torch.nn.Parameter(torch.tensor(0.1))

        def forward(self, crop, return_masks=False):
            return crop - self.by, torch.zeros(len(crop), 7, *crop.shape[-2:])

    return Darker()


@pytest.mark.parametrize("method", filter_speed.METHODS)
@pytest.mark.parametrize("cpu_time", [False, True])
def test_a_case_is_measured(method, cpu_time, monkeypatch, tiny_net):
    monkeypatch.setitem(filter_speed.SIZES, "720p", (320, 240))
    monkeypatch.setattr("smfd_plugin.vapoursynth.filter.load_method", lambda *_: tiny_net)
    monkeypatch.setattr(filter_speed, "load_network", lambda: tiny_net)
    result = measure(Case(method, "720p", 1, 900, 2, "cpu", None, cpu_time))
    assert result.fps > 0
    assert list(result.stages) == [*STAGES, "other"]
    assert all(result.stages[stage] > 0 for stage in ("detect", "align", "network", "blend"))
    assert result.memory > 100
