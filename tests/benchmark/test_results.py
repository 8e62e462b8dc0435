from importlib.metadata import version

import numpy as np
import pytest

from smfd_plugin.benchmark import results
from smfd_plugin.benchmark.results import Failure, Results, attempt


def test_what_works_is_given_back():
    assert attempt("sum", lambda a, *, b: a + b, 1, b=2) == 3


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("two\n  lines"), "two lines"),
        (KeyError("params"), "KeyError 'params'"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_what_fails_gives_one_line(error, reason):
    def fail():
        raise error

    assert attempt("it", fail) == Failure(reason)


def test_an_interrupt_is_no_failure_of_a_method():
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt("it", interrupt)


def test_the_clock_adds_up():
    results = Results()
    for _ in range(2):
        with results.clock("work"):
            pass
    assert 0 < results.seconds["work"] < 1


def test_versions_are_of_installed_packages(monkeypatch):
    monkeypatch.setattr(results, "PACKAGES", ("basicsr", "numpy", "no-such-package"))
    assert results.versions() == {"basicsr": version("basicsr"), "numpy": np.__version__}
    monkeypatch.undo()
    assert {"torch", "scikit-image", "scipy"} <= results.versions().keys()
