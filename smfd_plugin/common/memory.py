"""Memory of this process: how much it takes, and what was freed given back to the system.

glibc keeps what tensors of ever other sizes leave behind in pieces that fit none of the next ones,
so that a process grows by hundreds of megabytes over a thousand frames of a film.
"""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

_library = ctypes.CDLL(None) if os.name == "posix" else None
_trim: Callable[[int], int] | None = getattr(_library, "malloc_trim", None)


def give_back() -> None:
    """Takes some milliseconds; where the C library is not glibc, nothing is done."""
    if _trim is not None:
        _trim(0)


def resident() -> int:
    """Bytes that are in use now. Raises OSError where the system is not Linux."""
    return _status("VmRSS")


def peak() -> int:
    """The most bytes that were in use, since the start or `forget_peak`. Raises OSError where the
    system is not Linux."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Sets the peak back to the present size. Raises OSError where the system cannot."""
    Path("/proc/self/clear_refs").write_text("5")


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))
