"""What deblur changes, in which formats, and what it refuses."""

import inspect

import numpy as np
import pytest
import torch
import vapoursynth as vs

from smfd_plugin.restore.network import half_dtype
from smfd_plugin.vapoursynth import deblur

FORMATS = [
    *("RGB24", "RGB27", "RGB48", "RGBH", "RGBS"),
    *("YUV420P8", "YUV420P10", "YUV422P8", "YUV440P8", "YUV410P8", "YUV411P8", "YUV444P16"),
    *("YUV420PH", "YUV444PS", "GRAY8", "GRAY16", "GRAYH", "GRAYS"),
]


@pytest.mark.parametrize("name", FORMATS)
def test_only_the_face_changes_in_every_format(portrait, restored, name, planes):
    clip = portrait(getattr(vs, name))
    sharp = restored(clip)
    assert (sharp.format.id, sharp.width, sharp.height) == (clip.format.id, 256, 256)
    assert (sharp.num_frames, sharp.fps) == (clip.num_frames, clip.fps)
    before, after = clip.get_frame(1), sharp.get_frame(1)
    kept = {key: value for key, value in after.props.items() if not key.startswith("SMFD")}
    assert kept == dict(before.props)
    changed = [old != new for old, new in zip(planes(before), planes(after), strict=True)]
    assert changed[0].mean() > 0.02
    for plane in changed:  # the head is in the middle
        assert not plane[:, : plane.shape[1] // 8].any()
        assert not plane[-plane.shape[0] // 6 :].any()


@pytest.mark.parametrize("name", FORMATS)
def test_a_network_that_changes_nothing_changes_no_sample(portrait, identity_weights, name, planes):
    clip = portrait(getattr(vs, name))
    after = deblur(clip, weights=identity_weights, sharp_gate=0, temporal=0).get_frame(2)
    assert after.props["SMFDAmounts"] == 1
    for old, new in zip(planes(clip.get_frame(2)), planes(after), strict=True):
        tolerance = 0 if old.dtype.kind == "u" else 1e-6
        assert np.abs(old.astype(np.float64) - new).max() <= tolerance


def test_all_formats_show_the_same_face(portrait, restored, planes):
    rgb = restored(portrait(vs.RGBS)).get_frame(0)
    for form, matrix, full in (
        (vs.YUV444P16, 1, 0),
        (vs.YUV444P16, 6, 1),
        (vs.YUV444PH, 9, 0),
        (vs.YUV444P16, 8, 0),
        (vs.RGB48, 0, 1),
        (vs.RGB48, 0, 0),
    ):
        options = {"range": full} if form == vs.RGB48 else {"matrix": matrix, "range": full}
        clip = portrait(vs.RGBS).resize.Bicubic(format=form, **options)
        back = restored(clip).resize.Bicubic(format=vs.RGBS)
        for one, other in zip(planes(rgb), planes(back.get_frame(0)), strict=True):
            assert np.abs(one - other).max() < 0.003


def test_a_missing_matrix_is_chosen_by_size_or_by_the_argument(portrait, restored, same):
    for given, arguments in ((6, {}), (9, {"matrix": 9})):
        marked = portrait(vs.YUV444P8, matrix=given)
        bare = marked.std.RemoveFrameProps("_Matrix")
        frame = restored(bare, **arguments).get_frame(0)
        assert "_Matrix" not in frame.props
        assert same(restored(marked).get_frame(0), frame)
    # What the frame says counts more than the argument.
    assert same(restored(marked, matrix=1).get_frame(0), restored(marked).get_frame(0))


def test_the_matrix_may_change_within_a_clip(portrait, restored, same):
    one, other = (portrait(vs.YUV444P8, matrix=m)[0] for m in (1, 6))
    both = restored(one + other, temporal=0)
    for n, clip in enumerate((one, other)):
        assert same(both.get_frame(n), restored(clip, temporal=0).get_frame(0))


def test_strength_scales_the_change(portrait, restored, planes, same):
    clip = portrait(vs.RGBS)
    original = planes(clip.get_frame(0))[0]
    full, half = (planes(restored(clip, strength=s).get_frame(0))[0] - original for s in (1.0, 0.5))
    np.testing.assert_allclose(half, full / 2, atol=1e-5)
    assert same(clip.get_frame(0), deblur(clip, strength=0).get_frame(0))


def test_frames_without_a_face_cost_detection_only(restored, monkeypatch, same):
    monkeypatch.setattr("smfd_plugin.vapoursynth.restorer.deblur_faces", None)
    clip = vs.core.std.BlankClip(width=160, height=96, format=vs.YUV420P8, color=[90, 100, 160])
    frame = restored(clip).get_frame(0)
    assert same(clip.get_frame(0), frame)
    assert frame.props["SMFDFaces"] == 0
    assert "SMFDBoxes" not in frame.props


def test_special_floats_outside_the_face_keep_their_bits(portrait, restored):
    def spoil(n, f):
        frame = f.copy()
        np.asarray(frame[0])[-1, :4] = [-0.0, np.nan, np.inf, 1e-45]
        return frame

    clip = portrait(vs.RGBS)
    clip = clip.std.ModifyFrame(clip, spoil)
    before, after = (np.asarray(c.get_frame(0)[0])[-1].tobytes() for c in (clip, restored(clip)))
    assert before == after


@pytest.mark.parametrize("sharp_gate", [0.0, 1.0])
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_face_with_a_special_float_is_left_alone(portrait, restored, same, sharp_gate, value):
    def spoil(n, f):
        frame = f.copy()
        if n == 2:
            np.asarray(frame[1])[120, 120] = value
        return frame

    clip = portrait(vs.RGBS)[0] * 5
    for _ in range(12):
        clip = clip.std.Convolution([1, 2, 1, 2, 4, 2, 1, 2, 1])
    clip = clip.std.ModifyFrame(clip, spoil)
    result = restored(clip, sharp_gate=sharp_gate)
    assert same(clip.get_frame(2), result.get_frame(2))
    for n in (1, 3):
        frame = result.get_frame(n)
        assert frame.props["SMFDFaces"] == 1
        assert np.isfinite(np.asarray(frame[1])).all() and not same(clip.get_frame(n), frame)


def test_a_sharp_face_is_left_alone(portrait, restored, same):
    blurry = portrait(vs.YUV420P8)
    for _ in range(12):
        blurry = blurry.std.Convolution([1, 2, 1, 2, 4, 2, 1, 2, 1])
    sharp_frame = restored(portrait(vs.YUV420P8), sharp_gate=1).get_frame(1)
    blurry_frame = restored(blurry, sharp_gate=1).get_frame(1)
    assert same(sharp_frame, portrait(vs.YUV420P8).get_frame(1))
    assert (sharp_frame.props["SMFDFaces"], sharp_frame.props["SMFDAmounts"]) == (1, 0)
    assert not same(blurry_frame, blurry.get_frame(1))
    assert blurry_frame.props["SMFDAmounts"] == 1
    assert blurry_frame.props["SMFDBlur"] == pytest.approx(12**0.5 / 2**0.5, rel=0.3)


def two_faces(portrait):
    large, small = portrait(), portrait().resize.Bicubic(128, 128).std.AddBorders(bottom=128)
    return vs.core.std.StackHorizontal([small, large])


def test_faces_are_chosen_by_size(portrait, restored):
    clip = two_faces(portrait)
    both, largest, large = (
        restored(clip, **arguments).get_frame(1)
        for arguments in ({}, {"max_faces": 1}, {"min_face": 60})
    )
    assert both.props["SMFDFaces"] == 2
    assert both.props["SMFDBoxes"][0] > 128 > both.props["SMFDBoxes"][4]
    for frame in (largest, large):
        assert frame.props["SMFDFaces"] == 1
        assert frame.props["SMFDBoxes"] == both.props["SMFDBoxes"][:4]


def test_boxes_and_landmarks_are_in_pixels_of_the_clip(portrait, restored):
    # Larger than what the detector sees.
    wide = portrait().std.AddBorders(left=1000, right=1000, bottom=64)
    one, other = (restored(clip, sharp_gate=1e9).get_frame(1) for clip in (portrait(), wide))
    for name in ("SMFDBoxes", "SMFDLandmarks"):
        shift = np.array(other.props[name]) - np.array(one.props[name])
        np.testing.assert_allclose(shift[0::2], 1000, atol=6)
        np.testing.assert_allclose(shift[1::2], 0, atol=6)


def test_feather_softens_the_edge(portrait, restored, planes):
    hard, soft = (planes(restored(portrait(vs.RGBS), feather=f).get_frame(0))[0] for f in (0, 20))
    assert not np.array_equal(hard, soft)


def test_the_compiled_plugin_takes_the_same_arguments():
    declared = vs.core.smfd.Deblur.signature.split(";")[:-1]
    names = [argument.split(":")[0] for argument in declared]
    assert names == list(inspect.signature(deblur).parameters)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": -0.1}, "threshold is -0.1"),
        ({"device": "abacus"}, "abacus"),
        ({"detector": "eagle"}, "eagle"),
        ({"weights": "nowhere.pth"}, "nowhere.pth"),
        ({"weights": "nowhere.pth", "strength": 0}, "nowhere.pth"),
        ({"method": "gan"}, "unknown method 'gan'; known: smfd, difface"),
        ({"method": "difface"}, "no weights of DifFace come with the package"),
    ],
)
def test_what_cannot_be_loaded_is_refused_at_once(refusal, arguments, message):
    assert message in refusal(**arguments)


def test_a_device_without_room_for_the_network_is_named(refusal, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    assert "smfd.Deblur: cpu lacks memory" in refusal(device="cpu")


@pytest.mark.parametrize(
    ("props", "message"),
    [
        ({"_Matrix": 14}, r"matrix 14 \(ICtCp\)"),
        ({"_Matrix": 3}, "there is no matrix 3; set"),
        ({"_Matrix": [6, 6]}, "the frame property _Matrix is"),
        ({"_ChromaLocation": 9}, "there is no chroma location 9"),
    ],
)
def test_colours_that_are_not_supported_are_refused_with_the_frame(
    portrait, restored, props, message
):
    clip = portrait(vs.YUV420P8).std.SetFrameProps(**props)
    with pytest.raises(vs.Error, match=f"^smfd.Deblur: frame 0: {message}"):
        restored(clip, temporal=0).get_frame(0)


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (vs.RGB24, {"_Matrix": 1}),
        (vs.RGB24, {"_Matrix": 14}),
        (vs.RGB24, {"_Primaries": 3}),
        (vs.YUV444P8, {"_Primaries": 3}),
    ],
)
def test_tags_that_say_nothing_of_the_samples_do_not_count(portrait, restored, same, form, wrong):
    clip = portrait(form) if form == vs.RGB24 else portrait(form, matrix=1)
    one, other = (restored(c, temporal=0) for c in (clip, clip.std.SetFrameProps(**wrong)))
    assert same(one.get_frame(0), other.get_frame(0))
    assert not same(clip.get_frame(0), one.get_frame(0))


@pytest.mark.skipif(half_dtype(torch.device("cpu")) is None, reason="no fast 16 bits here")
def test_16_bits_show_the_same_face(portrait, planes):
    clip = portrait(vs.RGBS)
    one, other = (
        planes(deblur(clip, half=half, temporal=0, sharp_gate=0, device="cpu").get_frame(0))
        for half in (False, True)
    )
    difference = np.abs(np.stack(one) - np.stack(other))
    assert 0 < difference.max() < 4 / 255
    assert np.quantile(difference, 0.999) < 1 / 255


@pytest.mark.gpu
def test_the_gpu_shows_the_same_face(portrait, restored, planes):
    clip = portrait(vs.RGBS)
    pair = [restored(clip, device=d, half=False).get_frame(0) for d in ("cpu", "cuda")]
    for one, other in zip(*map(planes, pair), strict=True):
        assert np.abs(one - other).max() < 2e-3


def test_difface_gives_the_same_frames_in_any_order(portrait, tiny_difface, same):
    def frames(order):
        arguments = {"method": "difface", "weights": str(tiny_difface), "sharp_gate": 0}
        clip = vs.core.smfd.Deblur(portrait(), **arguments)
        return {n: clip.get_frame(n) for n in order}

    first, second = frames([0, 1, 2]), frames([2, 0, 1])
    assert all(same(first[n], second[n]) for n in range(3))
    assert not same(first[1], portrait().get_frame(1))
