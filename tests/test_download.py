import socket

import pytest

from smfd_plugin.download import TIMEOUT, download_timeout


def test_connections_of_the_block_alone_give_up():
    before = socket.getdefaulttimeout()
    with download_timeout(), socket.socket() as inside:
        assert inside.gettimeout() == TIMEOUT
    with socket.socket() as after:
        assert after.gettimeout() == before


def test_an_error_leaves_no_timeout_behind():
    before = socket.getdefaulttimeout()
    with pytest.raises(OSError), download_timeout():
        raise OSError("no answer")
    assert socket.getdefaulttimeout() == before
