import torch
from basicsr.archs import build_network


def test_nafnet_is_the_identity_at_first_but_for_its_last_layer():
    net = build_network(
        {
            "type": "NAFNet",
            "width": 4,
            "enc_blk_nums": [1],
            "middle_blk_num": 1,
            "dec_blk_nums": [1],
        }
    )
    torch.nn.init.zeros_(net.ending.weight)
    torch.nn.init.zeros_(net.ending.bias)
    lq = torch.rand(1, 3, 21, 30)
    assert torch.equal(net(lq), lq)
