"""The command `basicsr`: BasicSR's own training and testing, and our benchmark, with every plugin
loaded."""

import re
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path

import yaml

from smfd_plugin.common.interrupts import exit_code, signals_as_interrupt
from smfd_plugin.common.option_section import MissingOptionError
from smfd_plugin.models.restoration_model import TrainingDivergedError

PLUGIN_GROUP = "basicsr.plugins"
USAGE = """\
usage: basicsr {train,test,benchmark} -opt FILE.yml [options]

  train      train a network as the option file says
  test       score a network as the option file says
  benchmark  compare face restorers on the same faces: table, figures, report

`basicsr train -h` lists the options; `--debug` shows where an error came from. Results go to
experiments/, results/ and tb_logger/ in the current folder.
"""


class PluginError(RuntimeError):
    """A package in the entry-point group `basicsr.plugins` cannot be imported."""


def load_plugins() -> None:
    """Imports every package that declares itself in the entry-point group `basicsr.plugins`.

    Raises:
        PluginError: one of them cannot be imported.
    """
    for plugin in entry_points(group=PLUGIN_GROUP):
        try:
            plugin.load()
        except Exception as error:
            raise PluginError(
                f"plugin {plugin.name} ({plugin.value}) cannot be imported: {error}; mend or "
                "uninstall it"
            ) from error


def train() -> None:
    """BasicSR's training, with all results below the current folder."""
    from basicsr.train import train_pipeline

    train_pipeline(str(Path.cwd()))


def test() -> None:
    """BasicSR's scoring, with all results below the current folder."""
    from basicsr.test import test_pipeline

    test_pipeline(str(Path.cwd()))


def benchmark() -> None:
    """The comparison of face restorers, with all results below the current folder."""
    from smfd_plugin.benchmark.command import benchmark_pipeline

    benchmark_pipeline(Path.cwd())


COMMANDS: dict[str, Callable[[], None]] = {"train": train, "test": test, "benchmark": benchmark}


MISTAKES = (
    OSError,
    ValueError,
    ModuleNotFoundError,
    MissingOptionError,
    NotImplementedError,  # BasicSR's word for a scheduler that there is not
    yaml.YAMLError,
    PluginError,
    TrainingDivergedError,
)
"""What a user can mend."""

OF_VALUES = (TypeError, AttributeError, KeyError, IndexError, RuntimeError, AssertionError)
"""What a value can raise where BasicSR makes something of it, see SECTIONS."""

WRONG_ARGUMENT = re.compile(r"unexpected keyword argument|missing \d+ required")
"""In the TypeError of an option that a network, a loss or a data set does not have, or lacks."""

SECTIONS = {
    "init_tb_loggers": "logger",
    "build_network": "network_g",
    "build_dataset": "datasets",
    "build_dataloader": "datasets",
    "build_loss": "train",
    "get_optimizer": "train.optim_g",
    "setup_schedulers": "train.scheduler",
}
"""What each of BasicSR's functions makes its things of: an error in one is of the values there."""

WORKER = re.compile(r"Caught (\w+) in DataLoader worker .*\n(?:\w+\.)*\1: (.*)", re.DOTALL)
"""An error in a worker: its message is the traceback there."""


def main(argv: Sequence[str]) -> int:
    """Runs `basicsr ARGV...`; returns the exit status.

    A user's mistake ends in one line on standard error and status 2, a signal in 128 and its
    number. BasicSR's `--debug` shows the whole traceback of a mistake instead.
    """
    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0 if argv else 2
    command, *options = argv
    if command not in COMMANDS:
        print(f"basicsr: no command {command!r}; there are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    sys.argv = [f"basicsr {command}", *options]  # BasicSR parses the options itself
    try:
        with signals_as_interrupt():
            load_plugins()
            COMMANDS[command]()
    except (*MISTAKES, *OF_VALUES) as e:
        mistake = _one_line(e)
        if "--debug" in options or mistake is None:
            raise
        print(f"basicsr: {mistake}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        remedy = "; `--auto_resume` goes on from the last checkpoint" if command == "train" else ""
        print(f"basicsr: interrupted{remedy}", file=sys.stderr)
        return exit_code(interrupt)
    return 0


def _section(error: Exception) -> str | None:
    """The part of the option file that was read as the error came, where that can be told."""
    functions = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    return next((SECTIONS[name] for name in functions if name in SECTIONS), None)


def _one_line(error: Exception) -> str | None:
    """What the user did wrong; None: the error is no user's mistake."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    in_worker = WORKER.fullmatch(str(error).strip())
    message = " ".join((in_worker[2] if in_worker else str(error)).split())
    if isinstance(error, yaml.YAMLError):
        return f"the option file is not plain YAML: {message}"
    if isinstance(error, KeyError) and "registry" in message:
        return message.strip("\"'")  # it is quoted
    if isinstance(error, MISTAKES):
        return message
    if WRONG_ARGUMENT.search(message):
        return f"the option file does not fit: {message}"
    section = _section(error)
    return section and f"{section} has a value that does not fit: {message}"
