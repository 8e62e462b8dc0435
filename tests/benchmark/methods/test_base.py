import copy

import torch
from torch import nn

from smfd_plugin.benchmark.methods import weights_digest


def test_the_digest_is_of_names_and_values():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    digest = weights_digest(net)
    assert len(digest) == 64 and int(digest, 16)
    assert weights_digest(copy.deepcopy(net)) == digest
    assert weights_digest(net.to(memory_format=torch.channels_last)) == digest
    assert weights_digest(nn.ModuleDict({"a": net[0], "1": net[1]})) != digest
    for change in (net[0].bias, net[1].running_mean):  # a buffer, too
        before = change.detach().clone()
        with torch.no_grad():
            change[0] += 1e-6
        assert weights_digest(net) != digest
        with torch.no_grad():
            change.copy_(before)
    assert weights_digest(net) == digest
