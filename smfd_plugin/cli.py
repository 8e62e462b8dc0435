"""The console commands `smfd` and `basicsr`.

A sub-command of `smfd` is a module with `add_arguments(parser)` and `run(args) -> exit code`, which
is imported only when it is called.
"""

import argparse
import os
import sys
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from typing import NamedTuple

from smfd_plugin.common.interrupts import exit_code, signals_as_interrupt


class Command(NamedTuple):
    """A sub-command: its module, one line for the list, and a paragraph for its own help."""

    module: str
    summary: str
    description: str


COMMANDS = {
    "deblur": Command(
        "smfd_plugin.deblur",
        "make the faces in pictures and videos sharp",
        "Finds every face in pictures, folders of pictures or videos and makes it sharp; all else "
        "in them stays as it is, but for what JPEG, WebP, AVIF and video lose by being encoded "
        "anew. "
        "Examples: smfd deblur holiday/ -o sharp/; smfd deblur film.mp4 -o sharp.mp4",
    ),
    "prepare": Command(
        "smfd_plugin.data.prepare",
        "turn a downloaded face data set into the layout for training",
        "Turns a downloaded CelebAMask-HQ or CelebA into the layout that training reads.",
    ),
    "export": Command(
        "smfd_plugin.export",
        "write the network as an ONNX file, or a training's weights as one to ship",
        "Writes the network as an ONNX file for other programs, and checks that it gives the same "
        "results there; or a training checkpoint as a small weights file.",
    ),
    "demo": Command(
        "smfd_plugin.demo",
        "see it work on a picture and a short clip",
        "Blurs a portrait that comes with scikit-image, restores it as a picture and as a clip, "
        "and says how much was gained.",
    ),
}

EXAMPLES = """\
examples:
  smfd deblur photo.jpg -o sharp.jpg     one picture
  smfd deblur holiday/ -o sharp/         a folder with all its sub-folders
  smfd deblur film.mp4 -o sharp.mp4      a video, with its sound
  smfd deblur -h                         all options of a command

In a VapourSynth script, use core.smfd.Deblur(clip); to train, use the command basicsr.
"""


def smfd_main(argv: list[str] | None = None) -> int:
    """The command `smfd`.

    Args:
        argv: arguments without the command's name; None: the process's own.

    Returns:
        Exit code: 0, or what the sub-command returns, or 2 for a mistake of the user, with one line
        on the standard error output; 128 and the number of the signal that ended it, 130 for
        Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    _mend_streams()
    try:
        with signals_as_interrupt():
            args = build_parser(argv[0] if argv else "").parse_args(argv)
            return args.run(args)
    except (ValueError, OSError, MemoryError, ModuleNotFoundError) as error:
        print(f"smfd: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print("smfd: interrupted", file=sys.stderr)
        return exit_code(interrupt)


def basicsr_main(argv: list[str] | None = None) -> int:
    """The command `basicsr`: trains and tests with BasicSR and every package that plugs into it."""
    from smfd_plugin.pipeline import main

    _mend_streams()
    return main(sys.argv[1:] if argv is None else argv)


def build_parser(command: str) -> argparse.ArgumentParser:
    """The parser of `smfd`, with the arguments of the one sub-command that is called."""
    parser = argparse.ArgumentParser(
        prog="smfd",
        description="Makes blurry faces sharp, in pictures and in video.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("smfd-plugin"))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, summary, description) in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary, description=description)
        if name == command:
            loaded = import_module(module)
            loaded.add_arguments(subparser)
            subparser.set_defaults(run=loaded.run)
    return parser


def _mend_streams() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller; progress bars want one
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):  # a test's or a notebook's may be none
            stream.reconfigure(errors="backslashreplace")  # for file names that are no text
