import torch
from torch import nn

from smfd_plugin.benchmark import network_speed


def test_the_networks_take_turns():
    calls = []

    def spy(name):
        net = nn.Identity()
        net.register_forward_hook(lambda *_: calls.append((name, torch.is_autocast_enabled("cpu"))))
        return net

    networks = {"a": spy("a"), "b": spy("b")}
    seconds = network_speed.rotate(networks, torch.zeros(1, 3, 8, 8), 2, torch.bfloat16)
    assert calls == [("a", True), ("b", True)] * 3
    assert min(seconds.values()) > 0


def test_prints_a_row_for_each_network(monkeypatch, capsys):
    monkeypatch.setattr(
        network_speed,
        "build_networks",
        lambda: {network_speed.OURS: nn.Conv2d(3, 3, 1), "other": nn.Conv2d(3, 3, 3)},
    )
    monkeypatch.setattr("sys.argv", ["network_speed", "--rounds=1", "--device=cpu"])
    network_speed.main()
    rows = capsys.readouterr().out.splitlines()[3:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {network_speed.OURS}", "| other"]
