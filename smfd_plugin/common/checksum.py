"""Checksums of files."""

import hashlib
from pathlib import Path


def checksum(path: Path) -> str:
    """A file's SHA-256, 64 hexadecimal digits. Raises OSError for a file that cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
