"""Which arguments of smfd.Deblur fit, and what is said of others."""

import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth import arguments as checks
from smfd_plugin.vapoursynth import deblur

LIMITS = {
    "strength": (0, 1),
    "half": (0, 1),
    "min_face": (0, 65536),
    "max_faces": (0, 65536),
    "temporal": (0, 15),
    "feather": (0, 20),
    "num_streams": (0, 16),
}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strength": 1.5}, "strength is 1.5; it can be 0 to 1"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"device": b"\xff"}, r"device is b'\xff', not text"),
        ({"half": 2}, "half is 2; it can be 0 to 1"),
        ({"half": -1}, "half is -1; it can be 0 to 1"),
        ({"min_face": -1}, "min_face is -1; it can be 0 to"),
        ({"max_faces": -1}, "max_faces is -1; it can be 0 to"),
        ({"temporal": 16}, "temporal is 16; it can be 0 to 15"),
        ({"sharp_gate": -1.0}, "sharp_gate is -1.0; it can be at least 0"),
        ({"feather": 21}, "feather is 21; it can be 0 to 20"),
        ({"num_streams": 17}, "num_streams is 17; it can be 0 to 16"),
        ({"preview": "dreams"}, "unknown preview 'dreams'; known: boxes, masks, side"),
        ({"matrix": 99}, "unknown matrix 99; use 1 for BT.709"),
        ({"matrix": 14}, "matrix 14 (ICtCp) is not supported"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_at_once(refusal, arguments, message):
    assert message in refusal(**arguments)


def test_formats_that_do_not_fit_are_refused(portrait):
    core = vs.core
    changing = core.std.Splice([portrait(), core.std.BlankClip(format=vs.GRAY8)], mismatch=True)
    deeper = core.std.Splice([portrait(vs.GRAY8), portrait(vs.GRAY16)], mismatch=True)
    coarse = core.query_video_format(vs.YUV, vs.INTEGER, 8, 3, 0).id
    for clip, message in (
        (changing, "must not change"),
        (deeper, "must not change"),
        (core.std.BlankClip(format=vs.GRAY32), "at most 16 bit"),
        (core.std.BlankClip(format=coarse), "subsampling of at most 4"),
    ):
        with pytest.raises(vs.Error, match=f"^smfd.Deblur: .*{message}"):
            deblur(clip)


@pytest.mark.parametrize("name", ["RGB24", "RGBH", "RGBS", "YUV410P8", "YUV444P16", "GRAYS"])
def test_formats_that_fit(name):
    checks.check_clip(vs.core.std.BlankClip(format=getattr(vs, name)))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ((vs.GRAY, vs.INTEGER, 17), "Gray17 is not supported; use RGB, YUV or Gray, 8 to 16 bit"),
        ((vs.GRAY, vs.INTEGER, 32), "Gray32 is not supported; use at most 16 bit"),
        ((vs.YUV, vs.INTEGER, 8, 3, 0), "YUVssw3ssh0P8 is not supported; use subsampling of at"),
        ((vs.YUV, vs.INTEGER, 8, 0, 3), "YUVssw0ssh3P8 is not supported; use subsampling of at"),
    ],
)
def test_a_format_that_does_not_fit_is_named(form, message):
    form = vs.core.query_video_format(*form).id
    with pytest.raises(ValueError, match=f"^format {message}"):
        checks.check_clip(vs.core.std.BlankClip(format=form))


def test_a_size_that_changes_is_refused():
    clips = (vs.core.std.BlankClip(None, width, 8, vs.GRAY8) for width in (8, 16))
    message = "^the clip's format and size must not change; convert it first$"
    with pytest.raises(ValueError, match=message):
        checks.check_clip(vs.core.std.Splice(clips, mismatch=True))


@pytest.mark.parametrize(("name", "limits"), LIMITS.items())
def test_numbers_up_to_their_limits_fit(name, limits):
    low, high = limits
    for value in limits:
        checks.check_ranges(**{name: value})
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=f"^{name} is {value}; it can be {low} to {high}$"):
            checks.check_ranges(**{name: value})


def test_a_gate_may_be_as_large_as_one_likes():
    checks.check_ranges(sharp_gate=0, strength=0.5)
    checks.check_ranges(sharp_gate=1e300)
    with pytest.raises(ValueError, match=r"^sharp_gate is -1; it can be at least 0$"):
        checks.check_ranges(strength=0.5, sharp_gate=-1)


def test_previews():
    names = ["boxes", "masks", "side", "", None]
    assert [checks.check_preview(name) for name in names] == ["boxes", "masks", "side", None, None]
    with pytest.raises(ValueError, match=r"^unknown preview 'Side'; known: boxes, masks, side$"):
        checks.check_preview("Side")


def test_a_matrix_is_a_code_of_one_that_is_supported():
    fit = []
    for code in (None, *range(-1, 20)):
        try:
            checks.check_matrix(code)
        except ValueError:
            continue
        fit.append(code)
    assert fit == [None, 1, 4, 5, 6, 7, 8, 9, 12]
    with pytest.raises(
        ValueError, match=r"^unknown matrix 2; use 1 for BT\.709, 6 for BT\.601, 9 "
    ):
        checks.check_matrix(2)
    with pytest.raises(ValueError, match=r"^matrix 10 \(BT\.2020 constant luminance\) is not "):
        checks.check_matrix(10)


def test_text_may_come_as_bytes():
    given = ["café", "café".encode(), b"", None]
    assert [checks.text("weights", each) for each in given] == ["café", "café", "", None]
    with pytest.raises(ValueError, match=r"^weights is b'\\xe9', not text in UTF-8$"):
        checks.text("weights", b"\xe9")
