import cv2
import numpy as np
import pytest
import vapoursynth as vs

from smfd_plugin.benchmark.moving_faces import from_clip, load_portraits, make_film, to_clip


def test_a_film_comes_back_from_a_clip(film):
    for old, new in zip(film.sharp, from_clip(to_clip(film.sharp)), strict=True):
        assert cv2.PSNR(old, new) > 40


def test_clips_are_what_films_are():
    clip = to_clip([np.full((48, 64, 3), (10, 120, 230), np.uint8)] * 2)
    assert (clip.num_frames, clip.width, clip.height) == (2, 64, 48)
    assert clip.format.id == vs.YUV420P8
    assert clip.get_frame(1).props._Matrix == vs.MATRIX_BT709
    assert np.abs(from_clip(clip)[0].astype(int) - (10, 120, 230)).max() <= 3


def test_portraits_of_a_folder(write_faces, tmp_path):
    folder = write_faces(tmp_path / "faces", "abc") / "images"
    second, third, again = load_portraits(folder, 3, skip=1)
    expected = cv2.resize(cv2.imread(str(folder / "b.png")), (512, 512))
    assert np.array_equal(second, expected)
    assert np.array_equal(again, second) and not np.array_equal(third, second)
    with pytest.raises(FileNotFoundError, match=r"no picture in .*images after the first 3"):
        load_portraits(folder, 1, skip=3)


def test_films_differ_by_their_seed_in_blur_and_not_in_where_faces_are(film):
    other = make_film(load_portraits(None, 1), 320, 240, 200, 3, seed=1)
    assert np.array_equal(other.to_frame, film.to_frame)
    assert not np.array_equal(other.blurry[0], film.blurry[0])
    assert [frame.shape for frame in film.sharp] == [(240, 320, 3)] * 3
