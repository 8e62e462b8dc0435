import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth.arguments import (
    check_clip,
    check_matrix,
    check_preview,
    check_ranges,
    text,
)


@pytest.mark.parametrize(
    "form",
    [vs.RGB24, vs.RGBS, vs.RGBH, vs.YUV420P8, vs.YUV444P16, vs.YUV411P8, vs.YUV410P8, vs.GRAY10],
)
def test_formats_that_fit(form):
    check_clip(vs.core.std.BlankClip(format=form, length=1))


@pytest.mark.parametrize(
    ("family", "sample", "bits", "subsampling", "message"),
    [
        (vs.GRAY, vs.INTEGER, 32, (0, 0), "Gray32 is not supported; use at most 16 bit"),
        (vs.GRAY, vs.INTEGER, 24, (0, 0), "use RGB, YUV or Gray, 8 to 16 bit"),
        (vs.YUV, vs.INTEGER, 8, (0, 3), "use subsampling of at most 4"),
    ],
)
def test_formats_that_do_not(family, sample, bits, subsampling, message):
    form = vs.core.query_video_format(family, sample, bits, *subsampling)
    with pytest.raises(ValueError, match=message):
        check_clip(vs.core.std.BlankClip(format=form.id, length=1))


def test_a_size_that_changes():
    sizes = [vs.core.std.BlankClip(width=width, length=1) for width in (64, 128)]
    with pytest.raises(ValueError, match="format and size must not change; convert it first"):
        check_clip(vs.core.std.Splice(sizes, mismatch=True))


def test_ranges_include_their_ends():
    check_ranges(strength=0, temporal=15, feather=20.0, sharp_gate=1e9)
    with pytest.raises(ValueError, match=r"^temporal is 16; it can be 0 to 15$"):
        check_ranges(strength=1, temporal=16)
    with pytest.raises(ValueError, match=r"^sharp_gate is -0\.1; it can be at least 0$"):
        check_ranges(sharp_gate=-0.1)
    with pytest.raises(ValueError, match="strength is nan"):
        check_ranges(strength=float("nan"))


def test_previews():
    assert [check_preview(name) for name in (None, "", "masks")] == [None, None, "masks"]
    with pytest.raises(ValueError, match="unknown preview 'mask'; known: boxes, masks, side"):
        check_preview("mask")


@pytest.mark.parametrize("matrix", [None, vs.MATRIX_BT709, vs.MATRIX_ST170_M, 9])
def test_matrices_that_fit(matrix):
    check_matrix(matrix)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (0, "unknown matrix 0; use 1 for BT.709"),
        (2, "unknown matrix 2"),
        (99, "unknown matrix 99"),
        (14, r"matrix 14 \(ICtCp\) is not supported; convert first"),
    ],
)
def test_matrices_that_do_not(matrix, message):
    with pytest.raises(ValueError, match=message):
        check_matrix(matrix)


def test_text_may_come_as_bytes():
    assert text("weights", "é.pth") == text("weights", "é.pth".encode()) == "é.pth"
    assert text("weights", None) is None
    with pytest.raises(ValueError, match=r"weights is b'\\xe9', not text in UTF-8"):
        text("weights", b"\xe9")
