from smfd_plugin.benchmark import timing
from smfd_plugin.benchmark.timing import median_seconds


def test_the_median_of_rounds_in_turn(monkeypatch):
    now, calls = [0.0], []
    takes = {"slow": [3.0, 9.0, 4.0], "quick": [1.0, 1.5, 7.0]}

    def run(name):
        now[0] += takes[name][calls.count(name)]
        calls.append(name)

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    found = median_seconds({name: lambda name=name: run(name) for name in takes}, 3)
    assert found == {"slow": 4.0, "quick": 1.5}
    assert calls == ["slow", "quick"] * 3
