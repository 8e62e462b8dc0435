"""What `smfd deblur` does with pictures and folders of pictures."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from smfd_plugin.common.path_arguments import path_argument
from smfd_plugin.restore.align import CROP_SIZES
from smfd_plugin.restore.deblurrer import FaceDeblurrer
from smfd_plugin.restore.detect import DEFAULT_THRESHOLD, DETECTORS
from smfd_plugin.restore.faces import DEFAULT_MAX_CROP
from smfd_plugin.restore.io import (
    READ_SUFFIXES,
    SUFFIXES,
    PictureError,
    check_fit,
    read_picture,
    same_format,
    write_picture,
    write_whole,
)
from smfd_plugin.restore.targets import (
    VIDEO_SUFFIXES,
    Job,
    check_free,
    check_jobs,
    exit_code,
    is_one_file,
    to_do,
)
from smfd_plugin.weights import METHODS

PICTURE_DEFAULTS = {"max_crop": DEFAULT_MAX_CROP, "detector_folder": None}
"""Of the options that are for pictures only."""


class Contents(NamedTuple):
    """What is in a folder, at any depth: files that are pictures, all else that is not, links to
    folders, links that cannot be followed, and folders that cannot be read, perhaps itself."""

    pictures: list[Path]
    others: list[Path]
    links: list[Path]
    dead: list[Path]
    unread: list[Path]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `smfd deblur`, but for those that are for videos only."""
    add = parser.add_argument
    add(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=path_argument,
        help="pictures, folders of pictures, or videos",
    )
    add(
        "-o",
        "--output",
        metavar="OUTPUT",
        type=path_argument,
        required=True,
        help="the picture or video to write, or a folder (made if it is not there; folders keep "
        "their structure in it, and HEIC pictures become JPEG)",
    )
    if_there = parser.add_mutually_exclusive_group()
    if_there.add_argument(
        "--overwrite", action="store_true", help="replace outputs that are already there"
    )
    if_there.add_argument(
        "--skip-existing",
        action="store_true",
        help="leave outputs that are already there as they are, and do the others: to go on where "
        "a run was interrupted",
    )
    add(
        "--method",
        choices=METHODS,
        default="smfd",
        help="smfd, or difface, which is very slow and needs --weights (default: %(default)s)",
    )
    add(
        "--weights",
        metavar="FILE",
        help="weights of the method; `tiny`: shipped, too, five times lighter and less sharp "
        "(default: the shipped ones)",
    )
    add(
        "--strength",
        metavar="0..1",
        type=float,
        default=1.0,
        help="how much of the deblurred face to blend in (default: %(default)s)",
    )
    add(
        "--threshold",
        metavar="0..1",
        type=float,
        default=DEFAULT_THRESHOLD,
        help="how sure the detector must be of a face; lower finds more (default: %(default)s)",
    )
    add(
        "--detector",
        choices=DETECTORS,
        default="auto",
        help="face detector: tiny comes with smfd; retinaface is facexlib's and needs its weights "
        "on disk; auto takes retinaface if it can (default: %(default)s)",
    )
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add(
        "--half",
        action="store_true",
        help="16 bit arithmetic, where the device is faster so (videos: always)",
    )
    _add_picture_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Deblurs all pictures.

    Returns:
        Exit code, see `exit_code`.

    Raises:
        ValueError: inputs and output do not fit together, or an option is wrong.
        FileNotFoundError: an input or a weights file is not there.
    """
    jobs, folders = plan(args.inputs, args.output)
    left = to_do(jobs, args.skip_existing)
    deblurrer = FaceDeblurrer(
        args.weights,
        args.device,
        args.half,
        args.detector,
        method=args.method,
        detector_folder=args.detector_folder,
        threshold=args.threshold,
        max_crop=args.max_crop,
        strength=args.strength,
    )
    done: Counter[str] = Counter()
    with tqdm(left, unit="picture", disable=None) as progress:
        for job in progress:
            try:
                faces = _deblur(job, deblurrer, args.overwrite)
            except Exception as error:  # whatever it is, the other pictures can be done
                _say(f"smfd: {_reason(job, error)}")
                done["failed"] += 1
                continue
            done["pictures"] += 1
            done["faces"] += faces
    for link in (link for found in folders for link in found.dead):
        _say(f"smfd: {_dead_link(link)}")
        done["failed"] += 1
    there = f", already there: {len(jobs) - len(left)}" if len(left) < len(jobs) else ""
    failed = f", {done['failed']} not done" if done["failed"] else ""
    print(
        f"pictures written: {done['pictures']}, faces deblurred: {done['faces']}{there}{failed}"
        f"{_left_out(folders)}"
    )
    return exit_code(done["pictures"], done["failed"])


def plan(inputs: list[Path], output: Path) -> tuple[list[Job], list[Contents]]:
    """Decides which file is written for each picture, and tells what is in the folders.

    One picture goes to OUTPUT if that has a picture's suffix and is no folder. All else goes into
    the folder OUTPUT: pictures under their name; a folder's under their path in the folder, with
    the folder's name before it if there is more than one input. Those of a format that is only read
    become JPEG files there: IMG_1.HEIC becomes IMG_1.jpg, or IMG_1.HEIC.jpg if that name is taken.

    Returns:
        A job for each picture, and the contents of each input that is a folder.

    Raises:
        FileNotFoundError: an input is not there, or a folder has no picture in it.
        PermissionError: a folder cannot be read, nor a picture beside it.
        ValueError: a file that is no picture, or see `is_one_file` and `check_jobs`.
    """
    to_file = is_one_file(inputs, output, SUFFIXES, "picture")
    jobs, folders = [], []
    for path in inputs:
        if path.is_dir():
            found = _contents(path, output)
            _check_folder(path, found)
            base = output if len(inputs) == 1 else output / path.resolve().name
            jobs += [Job(file, base / _named(file.relative_to(path))) for file in found.pictures]
            folders.append(found)
        else:
            _check_picture(path)
            jobs.append(Job(path, output if to_file else output / _named(path).name))
    jobs = _apart(jobs)
    check_jobs(jobs, "picture")
    return jobs, folders


def _named(picture: Path) -> Path:
    """The path with a suffix that can be written."""
    return picture.with_suffix(".jpg") if _is_only_read(picture) else picture


def _apart(jobs: list[Job]) -> list[Job]:
    """The jobs, where what is only read leaves its name to another that has it, too."""
    names = Counter(_folded(job.target) for job in jobs)
    return [
        job._replace(target=job.target.with_name(f"{job.source.name}.jpg"))
        if _is_only_read(job.source) and names[_folded(job.target)] > 1
        else job
        for job in jobs
    ]


def _folded(path: Path) -> str:
    """The path as systems see it that do not tell IMG_1.JPG from IMG_1.jpg."""
    return str(path).casefold()


def _is_only_read(picture: Path) -> bool:
    return picture.suffix.lower() not in SUFFIXES


def _add_picture_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("for pictures").add_argument
    parser.set_defaults(**PICTURE_DEFAULTS)
    add(
        "--max-crop",
        type=int,
        choices=CROP_SIZES,
        help="largest face that the network sees, in pixels; larger ones are shrunk for it "
        "(default: %(default)s)",
    )
    add(
        "--detector-folder",
        metavar="FOLDER",
        type=path_argument,
        help="where facexlib's detector weights lie (default: facexlib's own folder)",
    )


def _check_folder(folder: Path, found: Contents) -> None:
    if found.pictures:
        return
    if found.unread:
        raise PermissionError(f"cannot read folder {found.unread[0]}; check its permissions")
    if found.dead:
        raise FileNotFoundError(f"no picture in folder {folder}: {_dead_link(found.dead[0])}")
    hint = _videos_hint(found.others) or f" (known: {', '.join(READ_SUFFIXES)})"
    raise FileNotFoundError(f"no picture in folder {folder}{hint}")


def _left_out(folders: list[Contents]) -> str:
    """Says how many files of the folders are no pictures, which folders are only linked or cannot
    be read, and how videos are done."""
    said = ""
    others = [path for found in folders for path in found.others]
    if others:
        kinds = sorted({path.suffix.lower() or path.name for path in others})
        said += f", left out as no pictures: {len(others)} ({', '.join(kinds)})"
    links = sorted(str(path) for found in folders for path in found.links)
    if links:
        said += f", links to folders not followed: {', '.join(links)}"
    unread = sorted(str(path) for found in folders for path in found.unread)
    if unread:
        said += f", folders that cannot be read: {', '.join(unread)}"
    return said + _videos_hint(others)


def _videos_hint(others: list[Path]) -> str:
    """How the videos among the files are deblurred; empty if there are none."""
    videos = [path for path in others if path.suffix.lower() in VIDEO_SUFFIXES]
    if not videos:
        return ""
    some = videos[0].with_stem("*")
    return f"; videos in a folder are not done, so name them: smfd deblur {some} -o OUTPUT"


def _dead_link(link: Path) -> str:
    return f"{link} is a link that cannot be followed"


def _contents(folder: Path, output: Path) -> Contents:
    found = Contents([], [], [], [], [])
    for path in sorted(_inside(folder, output, found.unread)):
        # os.path says no where a link leads to what may not be looked at; pathlib raises.
        if os.path.isdir(path):
            if path.is_symlink():
                found.links.append(path)
        elif path.is_symlink() and not os.path.exists(path):
            found.dead.append(path)
        else:
            is_picture = path.suffix.lower() in READ_SUFFIXES and os.path.isfile(path)
            (found.pictures if is_picture else found.others).append(path)
    return found


def _inside(folder: Path, output: Path, unread: list[Path]) -> Iterator[Path]:
    """All in the folder, at any depth, except what is hidden and what an earlier run wrote into it;
    links to folders, which could lead in a circle, but not what is in them. Folders that cannot be
    read are added to `unread`."""
    written = output.resolve()
    inside = written.is_relative_to(folder.resolve()) and written != folder.resolve()
    for parent, folders, files in folder.walk(
        on_error=lambda error: unread.append(Path(error.filename))
    ):
        for name in (*folders, *files):
            path = parent / name
            # pathlib's own resolve fails for a link in a circle
            ours = inside and Path(os.path.realpath(path)).is_relative_to(written)
            if not ours and not name.startswith("."):
                yield path
            elif name in folders:
                folders.remove(name)  # so that it is not walked through


def _check_picture(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"no file or folder {path}")
    suffix = path.suffix.lower()
    if suffix not in READ_SUFFIXES:
        raise ValueError(f"{path} is no picture that smfd knows ({', '.join(READ_SUFFIXES)})")


def _deblur(job: Job, deblurrer: FaceDeblurrer, overwrite: bool) -> int:
    """Does one picture, says what is notable and returns the number of faces that it changed."""
    if not overwrite:
        check_free(job.target)
    picture = read_picture(job.source)
    kept = same_format(job.source, job.target)
    if not kept:  # else it may only be copied, whatever it holds
        check_fit(job.target, picture)
    result = deblurrer.restore(picture.colour)
    unchanged = np.array_equal(result.image, picture.colour)  # as with strength 0
    said = [] if result.faces else ["no face found"]
    if unchanged and kept:
        write_whole(job.target, job.source.read_bytes())
        said.append("written unchanged")
    else:
        lost = write_picture(job.target, replace(picture, colour=result.image))
        if lost:
            said.append(f"written without {' and '.join(lost)}")
    if said:
        _say(f"{job.source}: {', '.join(said)}")
    return 0 if unchanged else len(result.faces)


def _reason(job: Job, error: Exception) -> str:
    """One line that names the picture."""
    if isinstance(error, (PictureError, FileExistsError)):
        return str(error)
    said = str(error).splitlines() or [type(error).__name__]
    return f"{job.source}: {said[0]}"


def _say(message: str) -> None:
    tqdm.write(message, file=sys.stderr)
