"""Paths on the command line."""

from argparse import ArgumentTypeError
from os.path import expanduser
from pathlib import Path


def path_argument(text: str) -> Path:
    """The path of a file or folder, with `~` for the home folder also where the shell leaves it, as
    in `--output=~/sharp.jpg`.

    Raises:
        argparse.ArgumentTypeError: no text, which would be the current folder, or `-`, which often
            means standard input or output.
    """
    if not text:
        raise ArgumentTypeError("the path is empty; name a file or folder (. is the current one)")
    if text == "-":
        raise ArgumentTypeError("smfd reads and writes files only; for one called - say ./-")
    return Path(expanduser(text))  # pathlib's own fails for names such as ~draft.jpg
