from threading import Thread

from smfd_plugin.benchmark.moving_faces import to_clip
from smfd_plugin.benchmark.stages import STAGES, Stopwatch
from smfd_plugin.vapoursynth import deblur


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
