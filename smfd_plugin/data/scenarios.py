"""Fixed lists of scenario numbers, so that a test set never changes."""

from importlib.resources import files
from pathlib import Path

from smfd_plugin.data.blur_space import BlurSpace

_PACKAGED = files("smfd_plugin.data") / "scenario_lists"


def read_scenarios(source: str | Path) -> list[int]:
    """Scenario numbers of the default BlurSpace from a list.

    Args:
        source: the name of a list that comes with the package (`val100`, `heldout`), or the path of
            a text file with one number a line; `#` begins a comment.

    Raises:
        FileNotFoundError: neither a list nor a file of this name.
        ValueError: a line that is no scenario number, or an empty list.
    """
    packaged = _PACKAGED / f"{source}.txt"
    if not packaged.is_file() and not Path(source).is_file():
        names = sorted(Path(item.name).stem for item in _PACKAGED.iterdir())
        raise FileNotFoundError(
            f"no scenario list {source}: name a text file, or one of {', '.join(names)}"
        )
    text = (packaged if packaged.is_file() else Path(source)).read_text()
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    known = len(BlurSpace())
    numbers = []
    for line in filter(None, lines):
        if not line.isdecimal() or int(line) >= known:
            raise ValueError(f"{source}: {line!r} is no scenario number below {known}")
        numbers.append(int(line))
    if not numbers:
        raise ValueError(f"{source}: no scenario number in it")
    return numbers
