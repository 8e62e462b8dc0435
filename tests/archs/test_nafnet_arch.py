import torch
from basicsr.archs import build_network


def test_a_fresh_nafnet_is_the_identity():
    net = build_network(
        {
            "type": "NAFNet",
            "width": 4,
            "enc_blk_nums": [1],
            "middle_blk_num": 1,
            "dec_blk_nums": [1],
        }
    )
    lq = torch.rand(1, 3, 21, 30)
    assert torch.equal(net(lq), lq)
