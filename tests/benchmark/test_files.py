"""Downloads come from a server of the test's own."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smfd_plugin.benchmark.files import find_file

CONTENT = b"weights" * 1000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def address(tmp_path):
    """A server that has net.pth."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "net.pth").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/net.pth"
    server.shutdown()
    server.server_close()


def test_a_file_is_found_as_named_or_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "a.pth").write_bytes(CONTENT)
    assert find_file(folder, False, "a.pth") == folder / "a.pth"
    assert find_file(folder, False, "weights/a.pth").read_bytes() == CONTENT
    assert find_file(folder, False, "a.pth", sha256=CHECKSUM).is_file()


def test_another_file_under_this_name_is_refused(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"other")
    with pytest.raises(ValueError, match=f"is not the file it should be.*{CHECKSUM}"):
        find_file(tmp_path, False, "a.pth", sha256=CHECKSUM)


def test_where_to_get_a_missing_file(tmp_path):
    def message(**options) -> str:
        with pytest.raises(FileNotFoundError) as error:
            find_file(tmp_path, False, "a.pth", **options)
        return str(error.value)

    assert "get it from https://x.org/a.pth, or have it downloaded" in message(
        url="https://x.org/a.pth"
    )
    assert "get it from the project's page" in message(source="the project's page")
    assert "name an existing file" in message()
    assert list(tmp_path.iterdir()) == []


def test_it_is_downloaded_only_on_request_and_checked(tmp_path, address):
    folder = tmp_path / "new"
    with pytest.raises(FileNotFoundError, match=r"a\.pth is not here"):
        find_file(folder, False, "a.pth", address, CHECKSUM)
    path = find_file(folder, True, "a.pth", address, CHECKSUM)
    assert path.read_bytes() == CONTENT
    with pytest.raises(ValueError, match="not kept"):
        find_file(folder, True, "b.pth", address, "0" * 64)
    assert [each.name for each in folder.iterdir()] == ["a.pth"]


def test_a_download_that_breaks_off_is_not_kept(tmp_path, address, monkeypatch):
    monkeypatch.setattr(Quiet, "copyfile", lambda self, source, out: out.write(source.read(100)))
    folder = tmp_path / "new"
    with pytest.raises(FileNotFoundError, match=f"broke off after 100 of {len(CONTENT)} bytes"):
        find_file(folder, True, "a.pth", address)
    assert list(folder.iterdir()) == []


def test_without_internet_it_says_so_at_once(tmp_path, address):
    missing = address.replace("net.pth", "nothing.pth")
    with pytest.raises(FileNotFoundError, match=r"cannot be reached \(Not Found|File not found"):
        find_file(tmp_path, True, "a.pth", missing)
    closed = "http://127.0.0.1:9/a.pth"
    with pytest.raises(FileNotFoundError, match=r"127\.0\.0\.1 cannot be reached.*get it from"):
        find_file(tmp_path, True, "a.pth", closed)
