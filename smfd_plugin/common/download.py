"""Downloads by libraries that know no timeout."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

TIMEOUT = 20
"""Seconds without an answer after which a download gives up."""


@contextmanager
def download_timeout() -> Iterator[None]:
    """Lets connections that are opened in the block fail after TIMEOUT, with an OSError."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
