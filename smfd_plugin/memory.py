"""Memory that was freed, given back to the system.

A film needs tensors of ever other sizes. glibc keeps what they leave behind in pieces that fit none
of the next ones, so that a process grows by hundreds of megabytes over a thousand frames.
"""

import ctypes
import os
from collections.abc import Callable

EVERY = 32
"""Frames between two times."""

_library = ctypes.CDLL(None) if os.name == "posix" else None
_trim: Callable[[int], int] | None = getattr(_library, "malloc_trim", None)


def give_back() -> None:
    """Takes some milliseconds; where the C library is not glibc, nothing is done."""
    if _trim is not None:
        _trim(0)
