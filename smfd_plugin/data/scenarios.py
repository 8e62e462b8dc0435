"""Fixed lists of scenario numbers, so that a test set never changes."""

from importlib.resources import files
from pathlib import Path

import numpy as np

from smfd_plugin.data.blur_space import FACTORS, KINDS, MOTION_KINDS, BlurSpace

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


def draw_test_scenarios(count: int, seed: int) -> list[int]:
    """Draws a test list: the kinds of blur in turn, motion of 15 to 31 pixels only, the other
    factors uniformly.

    `val100` is `draw_test_scenarios(400, 1)` and `heldout` is `draw_test_scenarios(89, 2)`; the
    files are what counts, so that the lists outlive a change here.
    """
    space = BlurSpace()
    long_motion = BlurSpace(
        weights={"extent": [float(extent >= 15) for extent in FACTORS["extent"]]}
    )
    rng = np.random.default_rng(seed)
    numbers = []
    while len(numbers) < count:
        wanted = KINDS[len(numbers) % len(KINDS)]
        number = (long_motion if wanted in MOTION_KINDS else space).sample(rng)
        if space[number].kind == wanted:
            numbers.append(number)
    return numbers
