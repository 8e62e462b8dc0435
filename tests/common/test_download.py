import socket
import urllib.request

import pytest

from smfd_plugin.common import download
from smfd_plugin.common.download import download_timeout


@pytest.fixture
def usual():
    """Another timeout for new connections than the one that there is without tests."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(7)
    yield 7
    socket.setdefaulttimeout(before)


def test_connections_of_the_block_wait_twenty_seconds(usual):
    with download_timeout(), socket.socket() as inside:
        assert inside.gettimeout() == 20
    with socket.socket() as after:
        assert after.gettimeout() == usual


def test_where_there_was_no_timeout_there_is_none_again(usual):
    socket.setdefaulttimeout(None)
    with download_timeout():
        pass
    assert socket.getdefaulttimeout() is None


def test_the_timeout_ends_with_a_block_that_fails(usual):
    with pytest.raises(ZeroDivisionError), download_timeout():
        _ = 1 / 0
    assert socket.getdefaulttimeout() == usual


def test_a_server_that_does_not_answer_is_given_up(usual, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/weights.pth"
        with pytest.raises(OSError, match="timed out"), download_timeout():
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address)
