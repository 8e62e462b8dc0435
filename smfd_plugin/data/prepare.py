"""`smfd prepare`: from a downloaded face data set to the layout that training reads."""

import argparse
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from smfd_plugin.common.path_arguments import path_argument
from smfd_plugin.data import held_out, sources
from smfd_plugin.data.pictures import write_picture
from smfd_plugin.data.sources import Item

MIN_SIZE, MAX_SIZE = 32, 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the sub-command's arguments."""
    parser.add_argument(
        "kind",
        choices=("celebamask-hq", "celeba", "folder"),
        help="what SOURCE is: a downloaded CelebAMask-HQ; CelebA with its folder img_align_celeba; "
        "or a folder of FFHQ-aligned faces, with masks if it has the folders images and masks",
    )
    parser.add_argument("source", type=path_argument, metavar="SOURCE", help="folder to read")
    parser.add_argument(
        "-o", "--output", type=path_argument, required=True, metavar="ROOT",
        help="folder to write; it gets images/ and masks/",
    )  # fmt: skip
    parser.add_argument("--size", type=int, default=256, help="pixels of a face's side (256)")
    parser.add_argument(
        "--prefix", default="", help="put before each name, to join several sources"
    )
    parser.add_argument(
        "--hold-out", nargs=2, action="append", default=[], metavar=("ROOT", "COUNT"),
        help="write this many faces, the last ones, to another folder instead, for validation, and "
        "keep them out of this one in later runs; may be given several times",
    )  # fmt: skip
    parser.add_argument("--lmdb", action="store_true", help="also write images.lmdb and masks.lmdb")
    parser.add_argument(
        "--parsing-weights", type=path_argument, metavar="FOLDER",
        help="folder of facexlib's parsing_bisenet.pth, which draws the masks of CelebA",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Prepares a data set; returns 0, or 1 if files had to be skipped.

    Raises:
        FileNotFoundError: SOURCE is not what it should be, or weights are missing.
        ValueError: `--size` is too small or too large, SOURCE has no face or two of one name or is
            written to itself, or a folder has faces that do not belong there: of another size, or
            held out.
    """
    if not MIN_SIZE <= args.size <= MAX_SIZE:
        raise ValueError(f"--size is {args.size}; it can be {MIN_SIZE} to {MAX_SIZE} pixels")
    if args.prefix != Path(args.prefix).name:
        raise ValueError(f"--prefix {args.prefix!r} is part of a file's name, without a slash")
    items = list(_items(args))
    if not items:
        raise ValueError(
            f"no faces in {args.source}, read as {args.kind}; what can be read: smfd prepare -h"
        )
    parts = _split(items, args.output, args.hold_out)
    for root, part in parts.items():
        _check_not_read(root, args.source)
        _check_apart([f"{args.prefix}{item.name}" for item in part], root, set(parts) - {root})
    for root, part in parts.items():
        if root != args.output:
            held_out.note(args.output, part)
    parts[args.output] = _without_held_out(args.output, parts[args.output])
    bad = 0
    for root, part in parts.items():
        skipped = write_faces(part, root, args.size, args.prefix)
        if args.lmdb or (root / "images.lmdb").is_dir():  # which would hide the new faces
            for kind in ("images", "masks"):
                write_lmdb(root, kind)
        masks = sum((root / "masks" / f"{args.prefix}{item.name}.png").is_file() for item in part)
        end = f", {skipped} skipped" if skipped else ""
        print(f"{len(part) - skipped} faces in {root}, {masks} with masks{end}")
        bad += skipped
    return 1 if bad else 0


def write_faces(items: Iterable[Item], root: Path, size: int, prefix: str = "") -> int:
    """Writes faces and masks of `size` x `size` pixels as PNG below `root`; those already there are
    kept, so that a run that was cut off goes on. Each bad file is named and skipped; returns how
    many there were.

    Raises:
        ValueError: a face that is already there has another size.
    """
    bad = 0
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True, exist_ok=True)
    for item in tqdm(items, unit="face"):
        image_path = root / "images" / f"{prefix}{item.name}.png"
        if image_path.is_file():
            _check_size(image_path, size)
            continue
        try:
            image, labels = item.read()
        except (OSError, ValueError) as error:
            tqdm.write(f"skipped {item.name}: {error}", file=sys.stderr)
            bad += 1
            continue
        if labels is not None:
            write_picture(root / "masks" / image_path.name, labels)
        write_picture(image_path, image)  # last, so that an image never lacks its mask
    return bad


def write_lmdb(root: Path, kind: str) -> None:
    """Packs root/KIND into root/KIND.lmdb in BasicSR's form; an older one is replaced."""
    from basicsr.utils.lmdb_util import make_lmdb_from_imgs

    files = sorted(path.name for path in (root / kind).glob("*.png"))
    if not files:
        return
    partial, path = root / f"{kind}.partial.lmdb", root / f"{kind}.lmdb"
    for old in (partial, path):
        shutil.rmtree(old, ignore_errors=True)
    size = sum((root / kind / name).stat().st_size + 4096 for name in files)
    keys = [Path(name).stem for name in files]
    make_lmdb_from_imgs(str(root / kind), str(partial), files, keys, map_size=2 * size + 2**20)
    partial.rename(path)


def _split(
    items: Sequence[Item], output: Path, hold_out: Iterable[tuple[str, str]]
) -> dict[Path, Sequence[Item]]:
    """Which faces go to which folder: those held out, from the last on, and all others."""
    files: dict[str, Path] = {}
    for item in items:
        if item.name in files:
            raise ValueError(
                f"{files[item.name]} and {item.path} would both become {item.name}.png: rename one"
            )
        files[item.name] = item.path
    parts, end = {}, len(items)
    for name, count in hold_out:
        try:
            root = path_argument(name)
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"--hold-out {name!r} {count}: {error}") from error
        if not count.isdecimal() or not 0 < int(count) < end:
            raise ValueError(
                f"--hold-out {root} {count}: the number must be between 1 and {end - 1}, so that "
                "faces are left"
            )
        if root.resolve() in {other.resolve() for other in (*parts, output)}:
            raise ValueError(f"{root} is named twice: hold faces out to a folder of their own")
        parts[root] = items[end - int(count) : end]
        end -= int(count)
    return parts | {output: items[:end]}


def _check_not_read(root: Path, source: Path) -> None:
    """Faces and masks are not to be replaced by what is made of them."""
    read = {folder.resolve() for folder in (source, source / "images", source / "masks")}
    if not read.isdisjoint({(root / "images").resolve(), (root / "masks").resolve()}):
        raise ValueError(f"{root} holds what is read from {source}: write to another folder")


def _check_apart(names: Iterable[str], root: Path, others: Iterable[Path]) -> None:
    """No face may be both trained on and held out, not even from an earlier run; where that had
    another prefix or this one does not name its folders, held_out.py knows."""
    for name in names:
        for other in others:
            if (other / "images" / f"{name}.png").is_file():
                raise ValueError(
                    f"{name} belongs to {root}, but {other} has it from an earlier run: write to "
                    "other folders, or remove it there"
                )


def _without_held_out(root: Path, items: Sequence[Item]) -> Sequence[Item]:
    """The faces for `root` without those that an earlier run has held out from it."""
    left = held_out.left(root, items)
    if len(left) < len(items):
        print(f"{len(items) - len(left)} faces held out earlier stay out of {root}")
    return left


def _check_size(path: Path, size: int) -> None:
    with Image.open(path) as image:
        if image.size != (size, size):
            there = "x".join(map(str, image.size))
            raise ValueError(
                f"{path} is there already with {there} pixels, not {size}x{size}: write to another "
                "folder or remove it"
            )


def _items(args: argparse.Namespace) -> Iterable[Item]:
    if args.kind == "celeba":
        segment = sources.bisenet(args.parsing_weights)
        return sources.celeba(args.source, args.size, segment)
    read = {"celebamask-hq": sources.celebamask_hq, "folder": sources.folder}[args.kind]
    return read(args.source, args.size)
