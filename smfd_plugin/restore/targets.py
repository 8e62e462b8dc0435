"""Which file is written for which input: rules for pictures and videos alike."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

VIDEO_SUFFIXES = (
    *(".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".m2v", ".vob"),
    *(".ts", ".m2ts", ".mts", ".mxf", ".wmv", ".flv", ".3gp", ".ogv"),
)


class Job(NamedTuple):
    """A file to read and the file to write."""

    source: Path
    target: Path


def is_one_file(inputs: Sequence[Path], output: Path, suffixes: Sequence[str], kind: str) -> bool:
    """Whether OUTPUT is the file for the one input, and not a folder for all.

    Args:
        suffixes: those of the files that can be written.
        kind: what such a file is, for messages.

    Returns:
        True: OUTPUT is that file. False: it is a folder, there or still to be made.

    Raises:
        ValueError: a file for more than one input, or in place of a folder; or a suffix that cannot
            be written.
    """
    if output.is_dir():
        return False
    known = output.suffix.lower() in suffixes
    several = len(inputs) > 1 or inputs[0].is_dir()
    if known and several:
        raise ValueError(f"the output {output} is one {kind}, the input is more; name a folder")
    if output.suffix and not known and not several:
        raise ValueError(
            f"the output {output} is no {kind} ({', '.join(suffixes)}), and no folder that is there"
        )
    if output.is_file() and not known:
        raise ValueError(f"the output {output} is a file; name a folder or a {kind}")
    return known


def to_do(jobs: Sequence[Job], skip_existing: bool) -> list[Job]:
    """The jobs, without those whose target is already there if these are to be skipped."""
    return [job for job in jobs if not (skip_existing and job.target.exists())]


def check_free(target: Path) -> None:
    """Raises FileExistsError if the target is already there, be it a link to nothing."""
    if os.path.lexists(target):
        raise FileExistsError(
            f"{target} is already there; --overwrite replaces it, --skip-existing leaves it out"
        )


def exit_code(done: int, failed: int) -> int:
    """Of a command: 0 if all jobs went well, 1 if some could not be done, 2 if none could."""
    if not failed:
        return 0
    return 1 if done else 2


def check_jobs(jobs: Sequence[Job], kind: str) -> None:
    """Checks that every target is for one source only, and is none of the sources.

    Raises:
        ValueError: two sources for one target, or a target that is a source.
    """
    twice = [target for target, n in Counter(job.target for job in jobs).items() if n > 1]
    if twice:
        raise ValueError(f"two inputs would both become {twice[0]}; deblur them one by one")
    sources = {job.source.resolve() for job in jobs}
    for source, target in jobs:
        if target.exists() and (target.samefile(source) or target.resolve() in sources):
            raise ValueError(f"{target} would replace the {kind} itself; name another output")
