"""One HTML file with all results, which needs no other file and no server."""

import base64
from collections.abc import Mapping
from pathlib import Path

import cv2
from jinja2 import Environment

from smfd_plugin.benchmark import table
from smfd_plugin.benchmark.datasets import pick_evenly
from smfd_plugin.benchmark.figures import columns
from smfd_plugin.benchmark.options import Options
from smfd_plugin.benchmark.results import Results
from smfd_plugin.data.pictures import Picture

TEMPLATE = Path(__file__).with_name("report.html")
QUALITY = 95


def report(options: Options, results: Results, figures: Mapping[str, Path]) -> str:
    """The report as HTML text.

    Args:
        options: what was run.
        results: what was found.
        figures: PNG files by name, shown at the end.
    """
    environment = Environment(autoescape=True)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}  # methods in their own order
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        name=options.name,
        legend=table.legend(results),
        reference=options.reference,
        seed=options.seed,
        datasets=[
            {
                "name": name,
                "text": table.describe(dataset),
                "tables": []
                if dataset.reason is not None
                else table.dataset_tables(dataset, results, options.reference),
            }
            for name, dataset in results.datasets.items()
        ],
        costs=table.costs_table(results.costs),
        timing=table.describe_timing(options) if options.timing else "",
        notes=results.notes,
        figures=[
            {"name": name, "url": _url("image/png", each.read_bytes())}
            for name, each in figures.items()
        ],
        pictures={
            f"{name}: {entry.name}": {
                column: picture_url(picture) for column, picture in columns(dataset, entry).items()
            }
            for name, dataset in results.restored()
            for entry in pick_evenly(dataset.entries, options.pictures)
        },
        best=table.BEST,
        not_run=table.NOT_RUN,
    )


def picture_url(picture: Picture) -> str:
    """An (H, W, 3) BGR picture as a data URL."""
    _, data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return _url("image/webp", data.tobytes())


def _url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
