import cv2
import numpy as np
import pytest

from smfd_plugin.data.pictures import picture_files, read_picture


def test_pictures_are_listed_by_name(tmp_path):
    for name in ("b.png", "a.JPG", "c.txt", "._b.png"):
        (tmp_path / name).touch()
    files = {"a": tmp_path / "a.JPG", "b": tmp_path / "b.png"}
    assert picture_files(tmp_path) == files
    assert picture_files(tmp_path, (".png",)) == {"b": tmp_path / "b.png"}
    assert picture_files(tmp_path / "nowhere") == {}


def test_two_pictures_of_one_name_are_refused(tmp_path):
    for name in ("a.png", "a.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"a\.jpg and .*a\.png share one name"):
        picture_files(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_file_that_is_no_picture_is_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.png is not a readable picture"):
        read_picture(tmp_path / "a.png")


def test_grey_pictures_are_read_in_colour(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 6), 7, np.uint8))
    assert np.array_equal(read_picture(tmp_path / "a.png"), np.full((4, 6, 3), 7, np.uint8))


def test_a_picture_of_too_many_pixels_is_named(tmp_path):
    data = cv2.imencode(".bmp", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    sides = (60_000).to_bytes(4, "little") * 2
    (tmp_path / "a.bmp").write_bytes(data[:18] + sides + data[26:])
    with pytest.raises(ValueError, match=r"a\.bmp is not a readable picture"):
        read_picture(tmp_path / "a.bmp")


def test_folders_are_no_pictures_and_links_to_nothing_are_named(tmp_path):
    (tmp_path / "a.png").mkdir()
    assert picture_files(tmp_path) == {}
    (tmp_path / "b.png").symlink_to("nowhere.png")
    with pytest.raises(ValueError, match=r"b\.png is a link to nothing"):
        picture_files(tmp_path)
