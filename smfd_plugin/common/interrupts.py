"""Signals that end a process, made the interrupt that Ctrl-C is."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")  # of kill and a shutdown; of a terminal that closes


@contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Within the block, signals that end the process raise KeyboardInterrupt, so that temporary
    files go; its argument is the signal's number. In other threads than the main one, where Python
    has no signals, nothing changes.

    Raises:
        KeyboardInterrupt: a signal came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    # What nohup or a caller has set stays.
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]

    def interrupt(number: int, frame: FrameType | None) -> None:
        for one in numbers:  # a closing terminal sends two; the second would stop the clearing up
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt(number)

    for number in numbers:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """That of a process which this has ended: 128 and the signal's number, 130 for Ctrl-C."""
    return 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)
