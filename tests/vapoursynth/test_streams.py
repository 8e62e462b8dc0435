import threading

import pytest
import torch
import vapoursynth as vs

from smfd_plugin.vapoursynth.streams import Streams, plan_streams

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("cores", "count", "device", "expected"),
    [
        (2, 0, "cpu", (2, 1)),
        (8, 0, "cpu", (4, 2)),
        (8, 1, "cpu", (1, 8)),
        (2, 3, "cpu", (3, 1)),
        (8, 0, "cuda", (1, 8)),
        (8, 2, "cuda", (2, 4)),
    ],
)
def test_plan(cores, count, device, expected, monkeypatch):
    monkeypatch.setattr("smfd_plugin.vapoursynth.streams.CORES", cores)
    streams = plan_streams(count, torch.device(device))
    assert (streams.count, streams.threads) == expected


def test_a_plan_made_while_a_stream_is_at_work_is_the_same():
    """As when an editor previews a film and the script is read again."""
    expected, plans = plan_streams(0, CPU), []
    with Streams(1, 1).limit_threads():
        thread = threading.Thread(target=lambda: plans.append(plan_streams(0, CPU)))
        thread.start()
        thread.join()
    assert plans == [expected]


def test_threads_are_limited_within_the_stage_only():
    before = torch.get_num_threads()
    streams, inside = Streams(1, before + 2), []

    def stage(n, f):
        inside.append(torch.get_num_threads())
        return f

    clip = vs.core.std.BlankClip(width=8, height=8, length=1)
    streams.modify(clip, [clip], stage).get_frame(0)
    assert (inside, torch.get_num_threads()) == ([before + 2], before)


@pytest.fixture
def one_more_thread():
    """Torch with a thread more than it had; gives the number."""
    usual = torch.get_num_threads()
    torch.set_num_threads(usual + 1)
    yield usual + 1
    torch.set_num_threads(usual)


def test_the_number_of_threads_is_what_it_was_before(one_more_thread):
    with Streams(1, one_more_thread + 2).limit_threads():
        with Streams(1, 1).limit_threads():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == one_more_thread + 2
    assert torch.get_num_threads() == one_more_thread


@pytest.mark.parametrize("first", [0, 1])
def test_streams_that_overlap_leave_no_limit_behind(one_more_thread, first):
    """The first to begin, or the second, is the first to end."""
    limit, after = one_more_thread + 2, {}
    begun, ends = ([threading.Event() for _ in range(2)] for _ in range(2))

    def work(number):
        with Streams(2, limit).limit_threads():
            begun[number].set()
            ends[number].wait(20)
        after[number] = torch.get_num_threads()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread, event in zip(threads, begun, strict=True):
        thread.start()
        assert event.wait(20)
    for number in (first, 1 - first):
        ends[number].set()
        threads[number].join()
    last = threading.Thread(target=lambda: after.update(new=torch.get_num_threads()))
    last.start()
    last.join()
    assert after == dict.fromkeys((0, 1, "new"), one_more_thread)


def test_a_thread_with_a_number_of_its_own_keeps_it(one_more_thread):
    """As when a script is read again while a film is previewed."""
    with Streams(1, 1).limit_threads():
        pass
    begun, end = threading.Event(), threading.Event()

    def preview():
        with Streams(2, 1).limit_threads():
            begun.set()
            end.wait(20)

    thread = threading.Thread(target=preview)
    thread.start()
    assert begun.wait(20)
    torch.set_num_threads(1)
    with Streams(2, 1).limit_threads():
        pass
    mine = torch.get_num_threads()
    end.set()
    thread.join()
    assert mine == 1


def test_so_many_frames_are_made_at_the_same_time(monkeypatch):
    together = threading.Barrier(2, timeout=20)  # breaks unless two stages meet here

    def stage(n, f):
        together.wait()
        frame = f.copy()
        frame.props["Number"] = n
        return frame

    monkeypatch.setattr(vs.core, "num_threads", 2)
    clip = vs.core.std.BlankClip(width=8, height=8, length=6)
    frames = plan_streams(2, CPU).modify(clip, [clip], stage).frames()
    assert [frame.props["Number"] for frame in frames] == list(range(6))
