"""Errors inside a frame, carried as a frame property to core.smfd.Check, which raises them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import vapoursynth as vs

from smfd_plugin.vapoursynth.properties import ERROR

PREFIX = "smfd.Deblur: "

Stage = Callable[..., vs.VideoFrame]
"""What std.ModifyFrame calls with a frame's number n and one frame or several, f."""


def catch_errors(stage: Stage) -> Stage:
    """A stage that on an exception returns its first frame with the error as a property.

    VapourSynth would show the exception's whole traceback to the user.
    """

    @wraps(stage)
    def caught(n: int, f: Any) -> vs.VideoFrame:
        try:
            return stage(n, f)
        except Exception as error:
            frame = (f[0] if isinstance(f, list) else f).copy()
            frame.props[ERROR] = message(n, error)
            return frame

    return caught


def message(n: int, error: Exception) -> str:
    """What the user reads of an error in frame n."""
    return f"{PREFIX}frame {n}: {str(error) or type(error).__name__}"
