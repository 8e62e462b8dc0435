from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from smfd_plugin.vapoursynth.recent import Recent


def test_each_value_is_made_once_by_however_many_threads():
    calls = []

    def make():
        calls.append(1)
        sleep(0.02)
        return len(calls)

    recent = Recent(2)
    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(lambda _: recent.get(5, make), range(8)))
    assert values == [1] * 8


def test_what_was_asked_for_longest_ago_goes_first():
    made = []
    recent = Recent(2)
    for n in (1, 2, 1, 3, 1, 2):
        recent.get(n, lambda n=n: made.append(n))
    assert made == [1, 2, 3, 2]


def test_an_error_is_passed_on_and_the_next_call_tries_again():
    recent = Recent(2)
    with pytest.raises(ZeroDivisionError):
        recent.get(1, lambda: 1 / 0)
    assert recent.get(1, lambda: 7) == 7
