import zlib
from collections import Counter

import numpy as np
import pytest

from smfd_plugin.data.blur_space import BlurSpace
from smfd_plugin.data.scenario import FACTORS, KINDS, MOTION_KINDS
from smfd_plugin.data.scenarios import read_scenarios


def draw_scenarios(count: int, seed: int) -> list[int]:
    """Draws a list: the kinds of blur in turn, motion of 15 to 31 pixels only, the other factors
    uniformly. The files are what counts, so that the lists outlive a change here."""
    space = BlurSpace()
    long_motion = BlurSpace(
        weights={"extent": [float(extent >= 15) for extent in FACTORS["extent"].default]}
    )
    rng = np.random.default_rng(seed)
    numbers = []
    while len(numbers) < count:
        wanted = KINDS[len(numbers) % len(KINDS)]
        number = (long_motion if wanted in MOTION_KINDS else space).sample(rng)
        if space[number].kind == wanted:
            numbers.append(number)
    return numbers


@pytest.mark.parametrize(("name", "count", "seed"), [("val100", 400, 1), ("heldout", 89, 2)])
def test_packaged_lists_are_what_they_say(name, count, seed):
    numbers = read_scenarios(name)
    assert numbers == draw_scenarios(count, seed)
    scenarios = [BlurSpace()[number] for number in numbers]
    kinds = Counter(scenario.kind for scenario in scenarios)
    assert max(kinds.values()) - min(kinds.values()) <= 1
    assert set(kinds) == set(KINDS)
    extents = [scenario.extent for scenario in scenarios if scenario.kind in MOTION_KINDS]
    assert min(extents) == 15
    assert max(extents) == 31


def test_the_test_list_never_changes():
    numbers = read_scenarios("val100")
    assert zlib.crc32(" ".join(map(str, numbers)).encode()) == 1891320492


def test_reads_a_file_with_comments(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# mine\n12\n\n7  # twice\n7\n")
    assert read_scenarios(path) == [12, 7, 7]


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(FileNotFoundError, match=r"nowhere.*heldout, val100"):
        read_scenarios("nowhere")


@pytest.mark.parametrize("text", ["", "# nothing\n", "-1\n", "x\n", f"{len(BlurSpace())}\n"])
def test_a_file_without_proper_numbers_is_refused(tmp_path, text):
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match="scenario number"):
        read_scenarios(path)
