import platform

import numpy as np
import pytest

from smfd_plugin.benchmark.filter_speed import resident
from smfd_plugin.vapoursynth.memory import give_back


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is freed")
def test_what_was_freed_goes_back_to_the_system():
    large = np.ones(30_000_000, np.uint8)
    del large  # from now on glibc keeps pieces of up to this size
    pieces = [np.ones(100_000, np.uint8) for _ in range(2000)]
    kept = pieces[::20]  # so that no piece that is freed is at the heap's end
    del pieces
    before = resident()
    give_back()
    assert before - resident() > 100
    assert len(kept) == 100
