"""Restores and measures: methods x data sets x metrics, going on where an earlier run stopped."""

from collections.abc import Mapping
from pathlib import Path

from smfd_plugin.benchmark.costs import Cost, measure_costs, resized
from smfd_plugin.benchmark.loading import load_datasets, load_measures, load_methods
from smfd_plugin.benchmark.measuring import measure_rows
from smfd_plugin.benchmark.methods import Method, weights_digest
from smfd_plugin.benchmark.options import Options
from smfd_plugin.benchmark.restoring import restore_rows
from smfd_plugin.benchmark.results import Failure, Results, attempt


def run(options: Options, folder: Path) -> Results:
    """Runs what can be run; what cannot is in the results, with the reason.

    Args:
        options: what to run.
        folder: where restored faces and scores are kept.

    Raises:
        FileNotFoundError: none of the data sets is there.
        ValueError: none of the methods could be run on any of them.
    """
    results = Results()
    with results.clock("loading"):
        results.datasets = load_datasets(options, folder)
        methods = load_methods(options)
        results.digests = _digests(methods)
        measures, results.notes = load_measures(options, results.ran())
        results.lower = {name: measure.lower for name, measure in measures.items()}
    for name, dataset in results.ran():
        with results.clock("restoring"):
            dataset.rows = restore_rows(name, dataset, methods, results.digests, options)
        with results.clock("measuring"):
            results.notes += measure_rows(name, dataset, measures, options)
    if not results.restored():
        _, dataset = results.ran()[0]
        reasons = "; ".join(f"{name}: {row.reason}" for name, row in dataset.rows.items())
        raise ValueError(f"no method could be run: {reasons}")
    if options.timing:
        with results.clock("timing"):
            timed = attempt("timing", run_timing, methods, options, results)
            if not isinstance(timed, Failure):
                results.costs, notes = timed
                results.notes += notes
    return results


def run_timing(
    methods: Mapping[str, Method | Failure], options: Options, results: Results
) -> tuple[dict[str, Cost], list[str]]:
    """Costs of the methods that ran on the first data set that one ran on, on its first face, and
    why others fail on a face of this size."""
    _, dataset = results.restored()[0]
    sample = resized(dataset.entries[0].read(), options.timing.size)
    able, notes = {}, []
    for name in dataset.methods():
        tried = attempt(f"timing: {name}", methods[name].restore, sample)
        if isinstance(tried, Failure):
            notes.append(f"timing of {name}: {tried.reason}")
        else:
            able[name] = methods[name]
    return measure_costs(able, sample, options.timing.rounds, options.device), notes


def _digests(methods: Mapping[str, Method | Failure]) -> dict[str, str]:
    """SHA-256 of the weights of each method that has a network."""
    return {
        name: weights_digest(method.net)
        for name, method in methods.items()
        if isinstance(method, Method) and method.net is not None
    }
