import sys
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from smfd_plugin.benchmark.costs import (
    count_flops,
    measure_costs,
    peak_memory,
    resized,
)
from smfd_plugin.benchmark.datasets import Sample
from smfd_plugin.benchmark.methods import Context, Method, build_method
from smfd_plugin.benchmark.methods.restorer import restorer

CPU = torch.device("cpu")
CONTEXT = Context(CPU, Path("weights"))
FACE = Sample(np.zeros((32, 32, 3), np.uint8))


def test_a_convolution_by_hand():
    net = nn.Conv2d(3, 3, 3, padding=1)
    method = Method(restorer(net, lambda net, x: net(x), None, CONTEXT), net)
    assert count_flops(method, FACE) == 2 * 32 * 32 * 3 * 3 * 9
    assert count_flops(Method(lambda sample: sample.lq), FACE) is None


def test_flops_are_seen_through_spandrel(tmp_path, tiny_net):
    """Its calls run in inference mode, where a counter could miss them."""
    torch.save(tiny_net.state_dict(), tmp_path / "tiny.pth")
    context = Context(CPU, tmp_path)
    ours = Method(restorer(tiny_net, lambda net, x: net(x), None, CONTEXT), tiny_net)
    theirs = build_method({"type": "spandrel", "weights": "tiny.pth"}, context)
    assert count_flops(theirs, FACE) == count_flops(ours, FACE) > 0


def test_methods_take_turns_and_the_median_is_kept():
    calls = []

    def method(name: str, *seconds: float) -> Method:
        times = cycle(seconds)

        def restore(sample: Sample) -> np.ndarray:
            calls.append(name)
            time.sleep(next(times))
            return sample.lq

        return Method(restore)

    costs = measure_costs({"a": method("a", 0), "b": method("b", 0, 0.02, 0.2)}, FACE, 3, CPU)
    assert calls[-6:] == ["a", "b"] * 3
    assert 20 <= costs["b"].milliseconds < 200
    assert costs["a"].milliseconds < costs["b"].milliseconds
    assert costs["a"].flops is costs["a"].parameters is None


@pytest.mark.skipif(sys.platform != "linux", reason="memory on the CPU is read from /proc")
def test_peak_memory_is_seen():
    def restore(sample: Sample) -> np.ndarray:
        return np.ones(100 * 2**20, np.uint8)[:1]

    held = peak_memory(Method(restore), FACE, CPU)
    assert held == pytest.approx(100, abs=8)
    assert peak_memory(Method(lambda sample: sample.lq), FACE, CPU) < 8
    net = nn.Linear(2**20, 16)
    assert peak_memory(Method(lambda sample: sample.lq, net), FACE, CPU) == pytest.approx(64, abs=8)


def test_the_face_is_resized_with_its_scenario():
    sample = resized(Sample(FACE.lq, FACE.lq, scenario="blur"), 48)
    assert sample.lq.shape == (48, 48, 3)
    assert sample.scenario == "blur"
