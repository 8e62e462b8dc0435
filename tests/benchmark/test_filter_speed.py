import pytest

from smfd_plugin.benchmark import filter_speed
from smfd_plugin.benchmark.filter_speed import Case, measure
from smfd_plugin.benchmark.stages import STAGES


@pytest.mark.parametrize("method", filter_speed.METHODS)
@pytest.mark.parametrize("cpu_time", [False, True])
def test_a_case_is_measured(method, cpu_time, monkeypatch, tiny_net):
    monkeypatch.setitem(filter_speed.SIZES, "720p", (320, 240))
    monkeypatch.setattr("smfd_plugin.vapoursynth.filter.load_method", lambda *_: tiny_net)
    monkeypatch.setattr(filter_speed, "load_network", lambda: tiny_net)
    result = measure(Case(method, "720p", 1, 900, 2, "cpu", None, cpu_time))
    assert result.fps > 0
    assert list(result.stages) == [*STAGES, "other"]
    assert all(result.stages[stage] > 0 for stage in ("detect", "align", "network", "blend"))
    assert result.memory > 100
