"""HDR and linear light, against resize (zimg) and against SDR."""

import numpy as np
import pytest
import torch
import vapoursynth as vs

from smfd_plugin.vapoursynth.transfer import from_sdr, to_sdr, transfer_of

LINEAR, PQ, HLG = int(vs.TRANSFER_LINEAR), int(vs.TRANSFER_ST2084), int(vs.TRANSFER_ARIB_B67)
BT709 = int(vs.TRANSFER_BT709)
WHITE = {LINEAR: 1.0, PQ: 0.5807, HLG: 0.75}


def ramp() -> vs.VideoNode:
    """One row of 256 greys from 0 to 1."""
    blank = vs.core.std.BlankClip(None, 256, 1, vs.RGBS, length=1)

    def draw(n, f):
        frame = f.copy()
        for plane in frame:
            np.asarray(plane)[:] = np.linspace(0, 1, 256, dtype=np.float32)
        return frame

    return blank.std.ModifyFrame(blank, draw)


def converted(clip: vs.VideoNode, before: int, after: int, form: int = vs.RGBS) -> vs.VideoNode:
    options = {} if form == vs.RGBS else {"matrix": 9, "range": 0}
    return clip.resize.Bicubic(
        format=form,
        transfer_in=before,
        transfer=after,
        primaries_in=1,
        primaries=1,
        nominal_luminance=203,
        **options,
    )


@pytest.mark.parametrize("transfer", [LINEAR, PQ, HLG])
def test_white_and_black_are_those_of_sdr(transfer):
    values = torch.tensor([0.0, WHITE[transfer]])
    assert to_sdr(values, transfer).tolist() == pytest.approx([0, 1], abs=2e-4)


@pytest.mark.parametrize("transfer", [LINEAR, PQ])
def test_values_are_those_of_resize(transfer):
    """Of HLG resize makes 1000 cd/m2 for all of its range, and goes by luminance."""
    expected = np.asarray(converted(ramp(), transfer, BT709).get_frame(0)[0])[0]
    found = to_sdr(torch.linspace(0, 1, 256), transfer).numpy()
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_hlg_is_scene_light_to_the_power_of_the_systems_gamma():
    # ITU-R BT.2100, table 5, at 0.5 and 0.9: 1/12 and 0.5818 of the brightest light of the scene
    light = np.array([1 / 12, 0.5818]) / 0.2650
    found = to_sdr(torch.tensor([0.5, 0.9]), HLG)
    assert found.tolist() == pytest.approx((light**1.2) ** (1 / 2.4), rel=1e-3)


@pytest.mark.parametrize("transfer", [LINEAR, PQ, HLG, None])
def test_the_way_back(transfer):
    values = torch.linspace(-0.2, 1, 500)
    there = to_sdr(values, transfer)
    assert torch.equal(there.sign(), values.sign()) and (there.diff() > 0).all()
    assert from_sdr(there, transfer).numpy() == pytest.approx(values.numpy(), abs=3e-5)


@pytest.mark.parametrize("transfer", [LINEAR, PQ, HLG])
def test_no_value_makes_another_finite(transfer):
    values = torch.tensor([np.nan, np.inf, 0.5])
    there = to_sdr(values, transfer)
    assert there[0].isnan() and there[2].isfinite()


@pytest.mark.parametrize(
    ("props", "transfer"),
    [
        ({}, None),
        ({"_Transfer": BT709}, None),
        ({"_Transfer": 16}, PQ),
        ({"_Transfer": 18}, HLG),
        ({"_Transfer": 8}, LINEAR),
        ({"_Transfer": 2}, None),
        ({"_Transfer": "16"}, None),
        ({"_Transfer": [16, 16]}, None),
    ],
)
def test_only_hdr_and_linear_light_are_other_than_sdr(props, transfer):
    assert transfer_of(props) == transfer


@pytest.mark.parametrize(
    ("transfer", "form"), [(LINEAR, vs.RGBS), (PQ, vs.RGBS), (HLG, vs.RGBS), (PQ, vs.YUV444P16)]
)
@pytest.mark.parametrize("preview", [None, "boxes"])
def test_faces_change_as_in_sdr(portrait, restored, planes, transfer, form, preview):
    sdr = portrait(vs.RGBS)
    expected = np.stack(planes(restored(sdr, preview=preview).get_frame(0)))
    other = converted(sdr, BT709, transfer, form)
    done = restored(other, preview=preview)
    back = done.resize.Bicubic(
        format=vs.RGBS, transfer_in=transfer, transfer=BT709, primaries_in=1, primaries=1,
        nominal_luminance=203, **({} if form == vs.RGBS else {"matrix_in": 9}),
    )  # fmt: skip
    found = np.stack(planes(back.get_frame(0)))
    changed = np.abs(expected - np.stack(planes(sdr.get_frame(0)))).max(0) > 0.02
    assert changed.mean() > 0.005
    assert np.abs(found - expected)[:, changed].mean() < 0.02


def test_a_picture_in_pq_keeps_its_bits_outside_of_the_face(portrait, restored, planes):
    clip = converted(portrait(vs.RGBS), BT709, PQ, vs.YUV420P10)
    after = restored(clip).get_frame(1)
    assert after.props["_Transfer"] == PQ
    for before, plane in zip(planes(clip.get_frame(1)), planes(after), strict=True):
        assert np.array_equal(before[:, : before.shape[1] // 8], plane[:, : before.shape[1] // 8])
        assert np.array_equal(before[-before.shape[0] // 6 :], plane[-before.shape[0] // 6 :])
    assert (planes(clip.get_frame(1))[0] != planes(after)[0]).mean() > 0.02
