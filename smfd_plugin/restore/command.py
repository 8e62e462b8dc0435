"""What `smfd deblur` does with pictures and folders of pictures."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from smfd_plugin.restore.align import CROP_SIZES
from smfd_plugin.restore.deblurrer import FaceDeblurrer
from smfd_plugin.restore.detect import DEFAULT_THRESHOLD, DETECTORS
from smfd_plugin.restore.faces import DEFAULT_MAX_CROP
from smfd_plugin.restore.io import SUFFIXES, read_picture, write_picture, write_whole
from smfd_plugin.weights import METHODS


@dataclass(frozen=True)
class Job:
    """A picture to read and the file to write."""

    source: Path
    target: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `smfd deblur`."""
    add = parser.add_argument
    add(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=Path,
        help="pictures, folders of pictures, or videos",
    )
    add(
        "-o",
        "--output",
        metavar="OUTPUT",
        type=Path,
        required=True,
        help="the picture or video to write, or a folder (made if it is not there; folders keep "
        "their structure in it)",
    )
    add("--overwrite", action="store_true", help="replace outputs that are already there")
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
        "--max-crop",
        type=int,
        choices=CROP_SIZES,
        default=DEFAULT_MAX_CROP,
        help="largest face that the network sees, in pixels; larger ones are shrunk for it "
        "(default: %(default)s)",
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
    add(
        "--detector-folder",
        metavar="FOLDER",
        type=Path,
        help="where facexlib's detector weights lie (default: facexlib's own folder)",
    )
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    add("--half", action="store_true", help="16 bit arithmetic, where the device is faster so")


def run(args: argparse.Namespace) -> int:
    """Deblurs all pictures.

    Returns:
        0 if all went well, 1 if some pictures could not be done, 2 if none could.

    Raises:
        ValueError: inputs and output do not fit together, or an option is wrong.
        FileNotFoundError: an input or a weights file is not there.
    """
    jobs = plan(args.inputs, args.output)
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
    with tqdm(jobs, unit="picture", disable=None) as progress:
        for job in progress:
            try:
                faces = _deblur(job, deblurrer, args.overwrite)
            except (ValueError, OSError, MemoryError, RuntimeError) as error:
                _say(f"smfd: {str(error).splitlines()[0]}")
                done["failed"] += 1
                continue
            done["pictures"] += 1
            done["faces"] += faces
            if not faces:
                _say(f"{job.source}: no face found, written unchanged")
    failed = f", {done['failed']} not done" if done["failed"] else ""
    print(f"pictures written: {done['pictures']}, faces deblurred: {done['faces']}{failed}")
    if not done["failed"]:
        return 0
    return 1 if done["pictures"] else 2


def plan(inputs: list[Path], output: Path) -> list[Job]:
    """Decides which file is written for each picture.

    One picture goes to OUTPUT if that has a picture's suffix and is no folder. All else goes into
    the folder OUTPUT: pictures under their name; a folder's under their path in the folder, with
    the folder's name before it if there is more than one input.

    Raises:
        FileNotFoundError: an input is not there, or a folder has no picture in it.
        ValueError: a file that is no picture, two inputs for one output, or a file where
            a folder is needed.
    """
    to_file = output.suffix.lower() in SUFFIXES and not output.is_dir()
    if to_file and (len(inputs) > 1 or inputs[0].is_dir()):
        raise ValueError(f"the output {output} is one picture, the input is more; name a folder")
    if output.is_file() and not to_file:
        raise ValueError(f"the output {output} is a file; name a folder or a picture")
    jobs = []
    for path in inputs:
        if path.is_dir():
            base = output if len(inputs) == 1 else output / path.resolve().name
            jobs += [Job(file, base / file.relative_to(path)) for file in _pictures(path, output)]
        else:
            _check_picture(path)
            jobs.append(Job(path, output if to_file else output / path.name))
    twice = [target for target, n in Counter(job.target for job in jobs).items() if n > 1]
    if twice:
        raise ValueError(f"two inputs would both become {twice[0]}; deblur them one by one")
    return jobs


def _pictures(folder: Path, output: Path) -> list[Path]:
    """All in the folder, at any depth, except what an earlier run wrote into it."""
    written = output.resolve()
    inside = written.is_relative_to(folder.resolve()) and written != folder.resolve()
    found = [
        path
        for path in sorted(_files(folder))
        if path.suffix.lower() in SUFFIXES
        and not (inside and path.resolve().is_relative_to(written))
    ]
    if not found:
        raise FileNotFoundError(f"no picture in folder {folder} (known: {', '.join(SUFFIXES)})")
    return found


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _check_picture(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"no file or folder {path}")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path} is no picture that smfd knows ({', '.join(SUFFIXES)})")


def _deblur(job: Job, deblurrer: FaceDeblurrer, overwrite: bool) -> int:
    """Does one picture and returns the number of its faces."""
    if job.target.exists() and not overwrite:
        raise FileExistsError(f"{job.target} is already there; --overwrite replaces it")
    picture = read_picture(job.source)
    result = deblurrer.restore(picture.colour)
    if not result.faces and job.source.suffix.lower() == job.target.suffix.lower():
        write_whole(job.target, job.source.read_bytes())
    else:
        write_picture(job.target, replace(picture, colour=result.image))
    return len(result.faces)


def _say(message: str) -> None:
    tqdm.write(message, file=sys.stderr)
