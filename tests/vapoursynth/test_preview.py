import numpy as np
import pytest
import vapoursynth as vs

from smfd_plugin.restore.faces import deblur_faces

GREEN = np.array([0.1, 0.9, 0.2])


def rgb(clip: vs.VideoNode, n: int = 0) -> np.ndarray:
    frame = clip.resize.Bicubic(format=vs.RGBS).get_frame(n)
    return np.stack([np.asarray(plane) for plane in frame], -1)


@pytest.mark.parametrize("form", [vs.RGB24, vs.YUV444P10, vs.RGBH])
def test_boxes_outline_the_face_and_its_landmarks(portrait, restored, form):
    shown = restored(portrait(form), preview="boxes")
    props = shown.get_frame(0).props
    left, top, right, bottom = np.round(props["SMFDBoxes"]).astype(int)
    picture, original = rgb(shown), rgb(portrait(form))
    middle = (top + bottom) // 2, (left + right) // 2
    places = [(top, middle[1]), (bottom - 1, middle[1]), (middle[0], left), (middle[0], right - 1)]
    eye = np.round(props["SMFDLandmarks"][:2]).astype(int)
    for y, x in (*places, eye[::-1]):
        np.testing.assert_allclose(picture[y, x], GREEN, atol=0.02)
    assert np.array_equal(picture[top + 5, middle[1]], original[top + 5, middle[1]])


def test_a_face_that_is_left_alone_has_a_grey_box(portrait, restored):
    shown = restored(portrait(), preview="boxes", sharp_gate=1e9)
    left, top, right, _ = np.round(shown.get_frame(0).props["SMFDBoxes"]).astype(int)
    np.testing.assert_allclose(rgb(shown)[top, (left + right) // 2], [0.6] * 3, atol=0.02)


def test_masks_paint_the_face_only(portrait, restored):
    shown = restored(portrait(), preview="masks")
    assert shown.get_frame(0).props["SMFDFaces"] == 1
    changed = (rgb(shown) != rgb(portrait())).any(-1)
    assert changed[60:130, 90:160].mean() > 0.9
    assert not changed[:, :16].any()


def test_masks_are_of_what_the_restoration_sees(portrait, restored, monkeypatch):
    crops = []

    def noted(*arguments, **options):
        found = deblur_faces(*arguments, **options)
        crops.append(found[0].crop)
        return found

    for place in ("restore.faces", "vapoursynth.restorer"):
        monkeypatch.setattr(f"smfd_plugin.{place}.deblur_faces", noted)
    dark = portrait(length=1).std.Crop(left=64).std.AddBorders(left=192)
    lamp = dark.std.BlankClip(width=8, color=[255, 255, 255])
    clip = vs.core.std.StackHorizontal([lamp, dark])  # dark around the face, but no bar
    for preview in (None, "masks"):
        assert restored(clip, preview=preview).get_frame(0).props["SMFDFaces"] == 1
    np.testing.assert_allclose(*crops, atol=1e-3)


def test_side_shows_the_clip_and_the_result(portrait, restored, same):
    clip = portrait(vs.YUV420P8)
    shown = restored(clip, preview="side")
    assert (shown.width, shown.height, shown.format) == (512, 256, clip.format)
    assert same(shown.std.CropRel(right=256).get_frame(1), clip.get_frame(1))
    assert same(shown.std.CropRel(left=256).get_frame(1), restored(clip).get_frame(1))
    assert dict(shown.get_frame(1).props) == dict(restored(clip).get_frame(1).props)


def test_a_preview_is_one_at_any_strength(portrait, restored, same):
    clip = portrait(vs.RGB24)
    side = restored(clip, preview="side", strength=0)
    assert same(side.std.CropRel(left=256).get_frame(0), clip.get_frame(0))
    boxes = restored(clip, preview="boxes", strength=0)
    assert same(boxes.get_frame(0), restored(clip, preview="boxes", sharp_gate=50).get_frame(0))
