import pytest

from smfd_plugin.benchmark.arguments import arguments, check_arguments


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
