"""Frames worked on at the same time, each by threads of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, local

import torch
import vapoursynth as vs

from smfd_plugin.vapoursynth.errors import Stage

CORES = torch.get_num_threads()
"""Threads that torch uses outside of streams. Asked now, since threads that begin while a stream is
at work have its limit."""

_MOST = 4
"""Streams on a CPU: with more, a single frame that somebody waits for would get too few threads."""

_lock = Lock()
_before: list[int] = []
"""For each stream at work, the threads that torch used before it."""

_thread = local()
"""Has `known` in a thread that was at work before."""


@dataclass(frozen=True)
class Streams:
    """How the work is shared out.

    Attributes:
        count: frames at a time.
        threads: that torch uses for each on the CPU.
    """

    count: int
    threads: int

    @contextmanager
    def limit_threads(self) -> Iterator[None]:
        """Limits torch in this thread to what a stream may use, and lifts the limit at the end."""
        with _lock:
            # A new thread has the limit of the streams at work from torch, not a number of its own.
            new = _before and not hasattr(_thread, "known")
            before = _before[0] if new else torch.get_num_threads()
            _thread.known = True
            _before.append(before)
            torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            with _lock:
                _before.remove(before)
                torch.set_num_threads(before)

    def modify(
        self, clip: vs.VideoNode, sources: Sequence[vs.VideoNode], stage: Stage
    ) -> vs.VideoNode:
        """std.ModifyFrame, which alone makes one frame at a time.

        Args:
            clip: what the result is like.
            sources: clips whose frames the stage is given; one frame, not a list, if it is one.
            stage: makes a frame.
        """

        def limited(n: int, f: vs.VideoFrame | list[vs.VideoFrame]) -> vs.VideoFrame:
            with self.limit_threads():
                return stage(n, f)

        streams = [clip.std.ModifyFrame(sources, limited) for _ in range(self.count)]
        if self.count == 1:
            return streams[0]
        return clip.std.FrameEval(lambda n: streams[n % self.count], clip_src=streams)


def plan_streams(count: int, device: torch.device) -> Streams:
    """Shares torch's threads out.

    One frame for each core is faster than all cores for one frame: most tensors are so small that
    threads wait for each other longer than they work.

    Args:
        count: frames at a time; 0: one on a GPU, on a CPU one for each core, up to 4.
        device: of the network.
    """
    if not count:
        count = 1 if device.type == "cuda" else min(CORES, _MOST)
    return Streams(count, max(1, CORES // count))
