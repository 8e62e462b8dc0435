import mmap
import platform
from pathlib import Path

import numpy as np
import pytest

from smfd_plugin.common.memory import forget_peak, give_back, peak, resident


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what is freed")
def test_what_was_freed_goes_back_to_the_system():
    large = np.ones(30_000_000, np.uint8)
    del large  # from now on glibc keeps pieces of up to this size
    pieces = [np.ones(100_000, np.uint8) for _ in range(2000)]
    kept = pieces[::20]  # so that no piece that is freed is at the heap's end
    del pieces
    before = resident()
    give_back()
    assert before - resident() > 100 * 2**20
    assert len(kept) == 100


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells")
def test_the_peak_is_that_since_it_was_forgotten():
    give_back()
    forget_peak()
    before = resident()
    large = mmap.mmap(-1, 100_000_000)  # not from what the C library keeps, and would keep
    np.frombuffer(large, np.uint8)[:] = 1
    assert resident() - before > 90_000_000
    large.close()
    assert resident() - before < 50_000_000
    assert 90_000_000 < peak() - before < 150_000_000
    forget_peak()
    assert peak() - before < 50_000_000
