from collections.abc import Mapping, Sequence

import pytest

from smfd_plugin.benchmark.arguments import arguments, check_arguments, check_type


def build(context, *, weights, size=None):
    return context, weights, size


def test_options_that_fit():
    entry = {"type": "net", "weights": "a.pth"}
    check_arguments("mine", build, entry)
    assert build("context", **arguments(entry)) == ("context", "a.pth", None)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "net"}, "mine lacks the option 'weights'"),
        (
            {"type": "net", "weights": "a", "sise": 3},
            r"mine has no option 'sise'; did you mean size\?",
        ),
        (
            {"type": "net", "weights": "a", "context": 3},
            "mine has no option 'context'; there are size, weights",
        ),
    ],
)
def test_options_that_do_not(entry, message):
    with pytest.raises(ValueError, match=message):
        check_arguments("mine", build, entry)


def typed(context, *, weights: str, size: int | None = None, other=None):
    return context, weights, size, other


def test_the_type_of_an_option():
    check_arguments("mine", typed, {"type": "net", "weights": "a", "size": None, "other": 3})
    with pytest.raises(ValueError, match=r"mine: weights is 3; it must be text$"):
        check_arguments("mine", typed, {"type": "net", "weights": 3})
    with pytest.raises(
        ValueError, match=r"size is '9'; it must be a whole number or nothing \(~\)"
    ):
        check_arguments("mine", typed, {"type": "net", "weights": "a", "size": "9"})


@pytest.mark.parametrize(
    ("annotation", "fits", "others"),
    [
        (str, ["", "1"], [1, None, ["1"]]),
        (int, [0, -1], [True, 1.0, "1"]),
        (float, [1, 0.5], [False, "0.5", None]),
        (bool, [True, False], [1, "no", None]),
        (float | None, [None, 1, 0.5], [False, "0.5"]),
        (Sequence[str], [[], ["eyes"]], ["eyes", None, {}]),
        (tuple[float, float], [[0, 1]], [1, "01"]),
        (Mapping[str, int], [{}], ["SRVGGNet", [], None]),
        (complex, [1j, "what this does not know"], []),
        (complex | None, [1j, "what this does not know"], []),
    ],
)
def test_types(annotation, fits, others):
    for value in fits:
        check_type("it", value, annotation)
    for value in others:
        with pytest.raises(ValueError, match="it must be"):
            check_type("it", value, annotation)
