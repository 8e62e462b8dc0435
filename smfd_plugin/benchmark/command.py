"""`basicsr benchmark -opt FILE.yml`: compares face restorers and writes tables and a report.

To import it needs the extra `benchmark`; metrics and methods that need more say so themselves.
"""

import random
from contextlib import AbstractContextManager
from pathlib import Path

from basicsr.utils import get_root_logger
from basicsr.utils.options import parse_options
from filelock import FileLock, Timeout

from smfd_plugin.common.extras import extra

with extra("benchmark"):
    from smfd_plugin.benchmark import figures, table
    from smfd_plugin.benchmark.options import Options, read_options
    from smfd_plugin.benchmark.report import report
    from smfd_plugin.benchmark.results import Results, attempt
    from smfd_plugin.benchmark.run import run


def benchmark_pipeline(root: Path) -> None:
    """Runs the benchmark of the option file on the command line.

    Args:
        root: results go to ROOT/results/benchmark/NAME.

    Raises:
        KeyError, ValueError: an option that is missing or does not fit.
        FileNotFoundError: none of the data sets is there.
        BlockingIOError: another benchmark of this name is running.
    """
    random.seed(0)  # BasicSR draws the seed of a file that has none: now the same in every run
    options = read_options(parse_options(str(root), is_train=False)[0])
    folder = root / "results" / "benchmark" / options.name
    with _lock(folder):
        results = run(options, folder / "faces")
        with results.clock("figures"):
            attempt("figures and report", _draw, options, results, folder)
        text = table.to_markdown(options, results)
        (folder / "table.md").write_text(text, "utf-8")
        (folder / "table.json").write_text(table.dump(table.to_json(options, results)), "utf-8")
    print(text)
    spent = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in results.seconds.items())
    get_root_logger().info(f"{spent}; see {folder / 'report.html'}")


def _lock(folder: Path) -> AbstractContextManager:
    """Makes the folder and keeps other benchmarks out of it, which would empty it of restored faces
    while they are measured. Raises BlockingIOError if one is there."""
    path = folder / "faces" / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return FileLock(path, timeout=0).acquire()
    except Timeout as error:
        raise BlockingIOError(
            f"another benchmark is writing to {folder}; wait for it, or give this one another name"
        ) from error


def _draw(options: Options, results: Results, folder: Path) -> None:
    """Writes the figures, and the report that holds them."""
    drawn = {
        "figure": figures.comparison_figure(results, options.pictures),
        "bars": figures.bars_figure(results),
        "tradeoff": figures.tradeoff_figure(results),
    }
    files = {name: folder / f"{name}.png" for name in drawn}
    for name, figure in drawn.items():
        figure.savefig(files[name], dpi=120)
    (folder / "report.html").write_text(report(options, results, files), "utf-8")
