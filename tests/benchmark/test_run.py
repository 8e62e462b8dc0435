from smfd_plugin.benchmark.methods import METHODS, Method


def test_without_any_method_there_is_no_report(benchmark, options):
    options["methods"] = {"smfd": {"type": "smfd", "weights": "nowhere.pth"}}
    code, values, errors = benchmark(options)
    assert (code, values) == (2, {})
    assert "no method could be run: smfd: no weights file nowhere.pth" in errors[0]


def test_a_method_that_fails_on_a_large_face_leaves_the_others_costs(
    benchmark, options, monkeypatch
):
    def restore(sample):
        if sample.lq.shape[0] > 64:
            raise MemoryError("too large")
        return sample.lq

    monkeypatch.setitem(METHODS, "small", lambda context: Method(restore))
    options["methods"]["small"] = {"type": "small"}
    _, values, _ = benchmark(options | {"timing": {"size": 96, "rounds": 1}})
    assert set(values["costs"]) == {"input", "smfd"}
    assert values["notes"] == ["timing of small: too large"]
    assert values["datasets"]["faces"]["methods"]["small"]["reason"] is None
