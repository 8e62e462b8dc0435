import numpy as np
import pytest
import vapoursynth as vs

from smfd_plugin.vapoursynth.colour import Colour, colour_of
from smfd_plugin.vapoursynth.properties import BOX

BT709, BT601, BT2020 = int(vs.MATRIX_BT709), int(vs.MATRIX_ST170_M), int(vs.MATRIX_BT2020_NCL)


def frame(form=vs.YUV420P8, size=(640, 480), **props) -> vs.VideoFrame:
    made = vs.core.create_video_frame(vs.core.get_video_format(form), *size)
    for name, value in props.items():
        made.props[name] = value
    return made


@pytest.mark.parametrize(
    ("size", "given", "matrix"),
    [
        ((640, 480), None, BT601),
        ((720, 576), None, BT601),
        ((1024, 576), None, BT601),
        ((1026, 480), None, BT709),
        ((640, 578), None, BT709),
        ((640, 480), BT2020, BT2020),
    ],
)
def test_a_matrix_that_is_not_named_follows_the_size_or_the_argument(size, given, matrix):
    assert colour_of(frame(size=size), given).matrix == matrix
    assert colour_of(frame(size=size, _Matrix=2), given).matrix == matrix
    assert colour_of(frame(size=size, _Matrix=BT2020), given).matrix == BT2020


@pytest.mark.parametrize(
    ("form", "props", "full"),
    [
        (vs.YUV420P8, {}, False),
        (vs.RGB24, {}, True),
        (vs.YUV420P8, {"_Range": 1}, True),
        (vs.RGB24, {"_Range": 0}, False),
        (vs.YUV420P8, {"_ColorRange": 0}, True),  # counts the other way round
        (vs.RGB24, {"_ColorRange": 1}, False),
    ],
)
def test_the_range_is_the_propertys_or_the_familys(form, props, full):
    assert colour_of(frame(form, **props)).full is full


@pytest.mark.parametrize(
    ("props", "message"),
    [
        ({"_Matrix": int(vs.MATRIX_ICTCP)}, r"\(ICtCp\) is not supported"),
        ({"_Matrix": 99}, "there is no matrix 99"),
        ({"_Matrix": [6, 6]}, r"_Matrix is \[.*\], not a number"),
        ({"_Matrix": 12}, "needs the property _Primaries"),
        ({"_Matrix": 12, "_Primaries": 99}, "needs the property _Primaries"),
        ({"_ChromaLocation": 9}, "there is no chroma location 9"),
        ({"_ChromaLocation": "left"}, "_ChromaLocation is .*left.*, not a number"),
    ],
)
def test_a_code_that_cannot_be_is_named(props, message):
    with pytest.raises(ValueError, match=message):
        colour_of(frame(**props))


def test_a_chroma_location_counts_where_chroma_is_coarser():
    assert colour_of(frame(vs.YUV420P8, _ChromaLocation=2)).chroma == vs.CHROMA_TOP_LEFT
    assert colour_of(frame(vs.YUV444P8, _ChromaLocation=9)).chroma is None


@pytest.mark.parametrize(
    ("form", "full", "steps"),
    [
        (vs.RGB24, True, (25.5, 25.5, 25.5)),
        (vs.YUV444P8, False, (21.9, 0, 0)),  # 219 steps of luma; grey has no chroma
        (vs.YUV444P8, True, (25.5, 0, 0)),
        (vs.YUV444P10, False, (87.6, 0, 0)),
        (vs.RGBS, True, (0.1, 0.1, 0.1)),
    ],
)
def test_a_change_of_grey_is_so_many_samples(form, full, steps):
    clip = vs.core.std.BlankClip(format=form, width=16, height=8, length=1, color=[0] * 3)
    base = [100, 100, 100] if clip.format.sample_type == vs.INTEGER else [0.5] * 3
    clip = vs.core.std.BlankClip(clip, color=base)
    change = vs.core.std.BlankClip(clip, format=vs.RGBS, width=8, height=4, color=[0.1] * 3)
    change = change.std.SetFrameProp(BOX, intval=[4, 2, 12, 6])
    result = Colour(BT709, full, None, None).add_change(clip, change).get_frame(0)
    for plane, start, step in zip(result, base, steps, strict=True):
        values = np.asarray(plane)
        expected = start + step if clip.format.sample_type == vs.FLOAT else round(start + step)
        assert values[2:6, 4:12] == pytest.approx(expected, abs=1e-6)
        outside = np.ones(values.shape, bool)
        outside[2:6, 4:12] = False
        assert (values[outside] == start).all()
