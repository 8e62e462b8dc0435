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
