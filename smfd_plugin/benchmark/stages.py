"""Where the time of a filter goes."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from threading import Lock, local
from time import perf_counter
from typing import Any
from unittest.mock import patch

import torch

from smfd_plugin.restore import align, faces
from smfd_plugin.vapoursynth import detection, filter, restorer

STAGES = ("detect", "align", "network", "fuse", "blend")


class Stopwatch:
    """Adds up the seconds of named stages, in each thread; a stage within another counts for itself
    only.

    Args:
        clock: tells the time, in seconds.

    Attributes:
        seconds: by stage.
    """

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self.clock = clock
        self.seconds: Counter[str] = Counter()
        self._lock = Lock()
        self._here = local()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Measures what runs inside."""
        inner: list[float] = self._here.__dict__.setdefault("inner", [0.0])
        inner.append(0.0)
        start = self.clock()
        try:
            yield
        finally:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            whole = self.clock() - start
            own = whole - inner.pop()
            inner[-1] += whole
            with self._lock:
                self.seconds[stage] += own

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, measured at every call."""

        @wraps(function)
        def run(*arguments: Any, **more: Any) -> Any:
            with self.measure(stage):
                return function(*arguments, **more)

        return run

    @contextmanager
    def watch_filter(self) -> Iterator[None]:
        """Measures the stages of filters that are made inside, by wrapping the functions they call.

        Use one thread of VapourSynth: stages that run at the same time slow each other down.
        """

        def make_detector(*arguments: Any) -> Callable[..., Any]:
            return self.timed("detect", real_detector(*arguments))

        def warp(images: Any, to_source: Any, size: Any, padding: str, **more: Any) -> Any:
            # Crops are cut out with the picture's border repeated; what is put back has none.
            with self.measure("align" if padding == "border" else "blend"):
                return real_warp(images, to_source, size, padding, **more)

        real_detector, real_warp = filter.make_detector, align.warp
        with ExitStack() as stack:
            for owner, name, replacement in (
                (filter, "make_detector", make_detector),
                (align, "warp", warp),
                (detection, "measure_blur", self.timed("align", detection.measure_blur)),
                (faces, "run_fitted", self.timed("network", faces.run_fitted)),
                (restorer, "view", self.timed("fuse", restorer.view)),
                (restorer, "fuse", self.timed("fuse", restorer.fuse)),
                (restorer, "place_faces", self.timed("blend", faces.place_faces)),
                (restorer, "blend_faces", self.timed("blend", faces.blend_faces)),
            ):
                stack.enter_context(patch.object(owner, name, replacement))
            yield
