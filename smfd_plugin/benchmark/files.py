"""Files that others publish: found on disk, downloaded on request, checked."""

from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlparse
from urllib.request import urlopen

from tqdm import tqdm

from smfd_plugin.common.checksum import checksum
from smfd_plugin.common.download import TIMEOUT
from smfd_plugin.common.whole_files import whole_file


def find_file(
    folder: Path,
    download: bool,
    weights: str,
    url: str | None = None,
    sha256: str | None = None,
    source: str | None = None,
) -> Path:
    """The weights file of a method.

    Args:
        folder: where downloaded weights lie.
        download: whether to fetch a missing file from its `url`, with a progress bar.
        weights: its path, from here or from `folder`.
        url: the official address, for files of others.
        sha256: its checksum.
        source: a page to get it from by hand, where there is no `url`.

    Raises:
        FileNotFoundError: the file is not here, and is not to be or cannot be downloaded; the
            message says where to get it.
        ValueError: its checksum is another; the message names both.
    """
    path = next((each for each in (Path(weights), folder / weights) if each.is_file()), None)
    if path is None:
        path = folder / weights
        if not (download and url):
            raise FileNotFoundError(f"{path} is not here; {_remedy(url, source)}")
        _download(url, path, sha256)
    elif sha256 and (found := checksum(path)) != sha256:
        raise ValueError(
            f"{path} is not the file it should be: its SHA-256 is {found}, not {sha256}; remove it "
            "and get it again"
        )
    return path


def _remedy(url: str | None, source: str | None) -> str:
    if url:
        return f"get it from {url}, or have it downloaded: --force_yml download=true"
    return f"get it from {source}" if source else "name an existing file as the method's `weights`"


def _download(url: str, path: Path, sha256: str | None) -> None:
    """Fetches a file and checks it; it is kept whole or not at all."""
    with whole_file(path) as partial:
        try:
            size = _fetch(url, partial, path.name)
        except (URLError, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise FileNotFoundError(
                f"{path} is not here, and {urlparse(url).hostname} cannot be reached ({reason}); "
                f"get it from {url}"
            ) from error
        there = partial.stat().st_size
        if size is not None and there != size:
            raise FileNotFoundError(
                f"{path} is not here: the download broke off after {there} of {size} bytes; try "
                f"again, or get it from {url}"
            )
        if sha256 and (found := checksum(partial)) != sha256:
            raise ValueError(f"{url} gave a file with SHA-256 {found}, not {sha256}; not kept")


def _fetch(url: str, path: Path, title: str) -> int | None:
    """Downloads with a progress bar; returns how many bytes were announced, if it was said."""
    with urlopen(url, timeout=TIMEOUT) as answer, path.open("wb") as file:
        size = int(answer.headers.get("Content-Length") or 0) or None
        with tqdm(total=size, unit="B", unit_scale=True, desc=title) as bar:
            while block := answer.read(1 << 20):
                file.write(block)
                bar.update(len(block))
    return size
