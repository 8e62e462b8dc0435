import inspect

import numpy as np
import pytest
import torch
import vapoursynth as vs

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.restore import blend_faces, make_detector, restore_faces
from smfd_plugin.vapoursynth import deblur
from smfd_plugin.vapoursynth.frames import unblended
from smfd_plugin.weights import save_weights

FORMATS = [
    *("RGB24", "RGB48", "RGBS"),
    *("YUV420P8", "YUV420P10", "YUV422P8", "YUV444P16", "YUV444PS"),
    *("GRAY8", "GRAY16", "GRAYS"),
]


def planes(frame):
    return [np.asarray(plane).copy() for plane in frame]


@pytest.fixture
def identity_weights(tmp_path):
    path = tmp_path / "identity.pth"
    options = {
        "widths": (8, 8),
        "growths": (4, 4),
        "encoder_blocks": (1, 1),
        "decoder_blocks": (1,),
        "mask_widths": (8, 8),
    }
    torch.manual_seed(0)
    save_weights(path, SMFDUNet(**options).state_dict(), {"type": "SMFDUNet", **options})
    return str(path)


@pytest.mark.parametrize("name", FORMATS)
def test_only_the_face_changes_in_every_format(portrait, tiny_weights, name):
    clip = portrait(getattr(vs, name))
    sharp = vs.core.smfd.Deblur(clip, weights=str(tiny_weights))
    assert (sharp.format.id, sharp.width, sharp.height) == (clip.format.id, 256, 256)
    assert (sharp.num_frames, sharp.fps) == (clip.num_frames, clip.fps)
    before, after = clip.get_frame(1), sharp.get_frame(1)
    assert dict(before.props) == dict(after.props)
    changed = [old != new for old, new in zip(planes(before), planes(after), strict=True)]
    assert changed[0].mean() > 0.02
    for plane in changed:  # the head is in the middle
        assert not plane[:, : plane.shape[1] // 8].any()
        assert not plane[-plane.shape[0] // 6 :].any()


@pytest.mark.parametrize("name", FORMATS)
def test_a_network_that_changes_nothing_changes_no_sample(portrait, identity_weights, name):
    clip = portrait(getattr(vs, name))
    before = planes(clip.get_frame(2))
    after = planes(deblur(clip, weights=identity_weights).get_frame(2))
    for old, new in zip(before, after, strict=True):
        tolerance = 1e-6 if old.dtype == np.float32 else 0
        assert np.abs(old.astype(np.float64) - new).max() <= tolerance


def test_all_formats_show_the_same_face(portrait, tiny_weights):
    rgb = deblur(portrait(vs.RGBS), weights=str(tiny_weights)).get_frame(0)
    for form, matrix, full in ((vs.YUV444P16, 1, 0), (vs.YUV444P16, 6, 1), (vs.RGB48, 0, 1)):
        options = {"range": full} if form == vs.RGB48 else {"matrix": matrix, "range": full}
        clip = portrait(vs.RGBS).resize.Bicubic(format=form, **options)
        back = deblur(clip, weights=str(tiny_weights)).resize.Bicubic(format=vs.RGBS)
        for one, other in zip(planes(rgb), planes(back.get_frame(0)), strict=True):
            assert np.abs(one - other).max() < 0.01


def test_a_missing_matrix_is_chosen_by_size(portrait, tiny_weights):
    marked = portrait(vs.YUV444P8, matrix=6)
    bare = marked.std.RemoveFrameProps("_Matrix")
    expected = planes(deblur(marked, weights=str(tiny_weights)).get_frame(0))
    frame = deblur(bare, weights=str(tiny_weights)).get_frame(0)
    assert "_Matrix" not in frame.props
    for one, other in zip(expected, planes(frame), strict=True):
        assert np.array_equal(one, other)


def test_strength_scales_the_change(portrait, tiny_weights):
    clip = portrait(vs.RGBS)
    original = planes(clip.get_frame(0))[0]
    full, half = (
        planes(deblur(clip, weights=str(tiny_weights), strength=s).get_frame(0))[0] - original
        for s in (1.0, 0.5)
    )
    np.testing.assert_allclose(half, full / 2, atol=1e-5)
    for old, new in zip(
        planes(clip.get_frame(0)), planes(deblur(clip, strength=0).get_frame(0)), strict=True
    ):
        assert np.array_equal(old, new)


def test_frames_do_not_depend_on_the_order_of_requests(portrait, tiny_weights):
    clip = portrait(length=6)
    orders = [0, 1, 2, 3, 4, 5], [4, 0, 5, 1, 3, 2]
    runs = []
    for order in orders:
        sharp = deblur(clip, weights=str(tiny_weights))
        futures = {n: sharp.get_frame_async(n) for n in order}
        runs.append({n: planes(future.result()) for n, future in futures.items()})
    for n in range(6):
        for one, other in zip(runs[0][n], runs[1][n], strict=True):
            assert np.array_equal(one, other)


def test_frames_without_a_face_stay_as_they_are(tiny_weights):
    clip = vs.core.std.BlankClip(width=160, height=96, format=vs.YUV420P8, color=[90, 100, 160])
    frame = deblur(clip, weights=str(tiny_weights)).get_frame(0)
    for old, new in zip(planes(clip.get_frame(0)), planes(frame), strict=True):
        assert np.array_equal(old, new)


def test_unblended_pixels_blend_to_the_same_picture(astronaut, tiny_net):
    rgb = astronaut[:256, 96:352, ::-1].transpose(2, 0, 1) / np.float32(255)
    image = torch.from_numpy(np.ascontiguousarray(rgb))
    patches = restore_faces(tiny_net, image, make_detector("tiny")(image))
    twice = patches + patches  # as overlapping as faces can be
    pixels, weight = unblended(image, twice)
    blended = image + weight * (pixels - image)
    torch.testing.assert_close(blended, blend_faces(image, twice), atol=2e-4, rtol=0)
    assert torch.equal(pixels[:, weight[0] == 0], image[:, weight[0] == 0])


def test_the_compiled_plugin_takes_the_same_arguments():
    declared = vs.core.smfd.Deblur.signature.split(";")[:-1]
    names = [argument.split(":")[0] for argument in declared]
    assert names == list(inspect.signature(deblur).parameters)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strength": 1.5}, "strength is 1.5; it can be 0 to 1"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"threshold": -0.1}, "threshold is -0.1"),
        ({"device": "abacus"}, "abacus"),
        ({"detector": "eagle"}, "eagle"),
        ({"weights": "nowhere.pth"}, "nowhere.pth"),
    ],
)
@pytest.mark.parametrize("call", [deblur, lambda clip, **more: vs.core.smfd.Deblur(clip, **more)])
def test_arguments_that_do_not_fit_are_refused_at_once(portrait, call, arguments, message):
    with pytest.raises(vs.Error) as error:
        call(portrait(), **arguments)
    text = str(error.value)
    assert text.startswith("smfd.Deblur: ")
    assert message in text
    assert "Traceback" not in text


def test_formats_that_do_not_fit_are_refused(portrait):
    core = vs.core
    changing = core.std.Splice([portrait(), core.std.BlankClip(format=vs.GRAY8)], mismatch=True)
    for clip, message in (
        (changing, "must not change"),
        (portrait(vs.RGBH), "RGBH is not supported"),
        (core.std.BlankClip(format=vs.GRAY32), "at most 16 bit"),
    ):
        with pytest.raises(vs.Error, match=message):
            deblur(clip)


def test_an_error_inside_a_frame_names_the_frame(portrait, tiny_weights, monkeypatch):
    def broken(*arguments, **more):
        raise RuntimeError("the lamp went out")

    monkeypatch.setattr("smfd_plugin.vapoursynth.frames.restore_faces", broken)
    with pytest.raises(vs.Error, match="frame 2: the lamp went out"):
        deblur(portrait(), weights=str(tiny_weights)).get_frame(2)


@pytest.mark.gpu
def test_the_gpu_shows_the_same_face(portrait, tiny_weights):
    clip = portrait(vs.RGBS)
    pair = [deblur(clip, weights=str(tiny_weights), device=d).get_frame(0) for d in ("cpu", "cuda")]
    for one, other in zip(*map(planes, pair), strict=True):
        assert np.abs(one - other).max() < 2e-3
