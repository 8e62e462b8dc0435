"""TIFF files, of which OpenCV and Pillow each read some, and some wrongly."""

import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from smfd_plugin.restore.io import PictureError, PictureFile, read_picture, write_picture

RNG = np.random.default_rng(0)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def refused(path, words):
    with pytest.raises(PictureError, match=f"{path.name} {words}") as error:
        read_picture(path)
    assert "\n" not in str(error.value)


def test_lab_colours_are_refused(tmp_path):
    Image.new("LAB", (4, 4)).save(tmp_path / "a.tif")
    refused(tmp_path / "a.tif", "has Lab colours; save it as RGB first")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_transparent_tiff_keeps_its_colours(tmp_path, stored, orientation):
    rgba = noise(20, 30, 4)
    Image.fromarray(rgba).save(tmp_path / "in.tif", tiffinfo={274: orientation})
    turned = rgba.swapaxes(0, 1) if orientation > 4 else rgba
    rows, columns = (-1 if orientation in turns else 1 for turns in ((3, 4, 7, 8), (2, 3, 6, 7)))
    upright = turned[::rows, ::columns]
    picture = read_picture(tmp_path / "in.tif")
    assert np.array_equal(picture.colour[..., ::-1], upright[..., :3])
    assert np.array_equal(picture.alpha, upright[..., 3])
    write_picture(tmp_path / "out.tif", picture)
    assert np.array_equal(stored(tmp_path / "out.tif")[..., [2, 1, 0, 3]], upright)
    with Image.open(tmp_path / "out.tif") as written:
        assert written.tag_v2[338] == (2,)  # transparency, not multiplied


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_turned_tiff_is_turned_once(tmp_path, dtype, channels):
    pixels, kind = noise(20, 30, *channels, dtype=dtype), "rgb" if channels else "minisblack"
    for orientation, turns in ((3, 2), (6, -1), (8, 1)):
        tags = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=kind, extratags=tags)
        upright = np.rot90(pixels, turns)
        found = read_picture(tmp_path / "a.tif").colour[..., ::-1]
        assert np.array_equal(found if channels else found[..., 0], upright)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("packed", ["zstd", "lzma"])
def test_8_bit_that_only_pillow_unpacks(tmp_path, capfd, packed, mode, orientation):
    rgba = noise(20, 30, 4)
    stored = {"L": rgba[..., 0], "RGB": rgba[..., :3], "RGBA": rgba}[mode]
    Image.fromarray(stored).save(
        tmp_path / "a.tif", compression=packed, icc_profile=PROFILE, tiffinfo={274: orientation}
    )
    picture = read_picture(tmp_path / "a.tif")
    upright = np.rot90(stored, -1) if orientation == 6 else stored
    colour = upright[..., None].repeat(3, 2) if mode == "L" else upright[..., :3]
    assert np.array_equal(picture.colour[..., ::-1], colour)
    assert picture.grey == (mode == "L") and picture.icc == PROFILE
    assert (picture.alpha is None) == (mode != "RGBA")
    assert picture.alpha is None or np.array_equal(picture.alpha, upright[..., 3])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("channels", [(), (3,)])
def test_8_bit_in_small_tiles(tmp_path, capfd, channels):
    pixels = noise(40, 50, *channels)
    kind = "rgb" if channels else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(16, 16), photometric=kind)
    picture = read_picture(tmp_path / "a.tif")
    assert np.array_equal(picture.colour[..., ::-1].T, np.broadcast_to(pixels.T, (3, 50, 40)))
    assert picture.grey == (not channels) and capfd.readouterr().err == ""


def test_16_bit_that_opencv_cannot_unpack_are_refused_in_one_line(tmp_path, capfd):
    level = cv2.utils.logging.getLogLevel()
    deep = noise(20, 30, 3, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", compression="lzma")
    refused(tmp_path / "a.tif", "is damaged, or a kind of picture that OpenCV cannot read")
    assert capfd.readouterr().err == "" and cv2.utils.logging.getLogLevel() == level


def test_colours_multiplied_by_their_transparency_are_divided_or_refused(tmp_path):
    for dtype in (np.uint8, np.uint16):
        half = np.full((8, 8, 4), np.iinfo(dtype).max // 2, dtype)
        write_picture(tmp_path / "in.tif", PictureFile(half[..., :3], alpha=half[..., 3]))
        data = (tmp_path / "in.tif").read_bytes()
        straight, multiplied = (struct.pack("=HHIHH", 338, 3, 1, kind, 0) for kind in (2, 1))
        assert data.count(straight) == 1
        (tmp_path / f"{dtype.__name__}.tif").write_bytes(data.replace(straight, multiplied))
    assert (read_picture(tmp_path / "uint8.tif").colour == 255).all()
    refused(tmp_path / "uint16.tif", "has 16 bit colours that are multiplied by their transparency")


def retag(path, tag, old, new):
    """Changes a tag of one short value in a TIFF file."""
    before, after = (struct.pack("=HHIHH", tag, 3, 1, value, 0) for value in (old, new))
    data = path.read_bytes()
    assert data.count(before) == 1
    path.write_bytes(data.replace(before, after))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_whose_white_is_zero_is_no_negative(tmp_path, dtype):
    grey = noise(20, 30, dtype=dtype)
    cv2.imwrite(str(tmp_path / "a.tif"), ~grey)
    retag(tmp_path / "a.tif", 262, 1, 0)
    picture = read_picture(tmp_path / "a.tif")
    assert picture.grey and np.array_equal(picture.colour[..., 0], grey)


def test_small_tiles_whose_white_is_zero_are_no_negative(tmp_path):
    grey = noise(20, 30)
    tifffile.imwrite(tmp_path / "a.tif", ~grey, tile=(16, 16), photometric="miniswhite")
    assert np.array_equal(read_picture(tmp_path / "a.tif").colour[..., 0], grey)


@pytest.mark.parametrize("channels", [3, 4])
def test_channels_of_16_bit_that_lie_apart_are_refused(tmp_path, channels):
    planes = noise(channels, 20, 30, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    refused(tmp_path / "a.tif", "stores its 16 bit channels in separate planes; save")


def test_grey_multiplied_by_its_transparency_is_divided(tmp_path):
    pytest.importorskip("PIL", "13", reason="older ones do not read such files")
    half = Image.new("L", (8, 8), 127)
    Image.merge("LA", (half, half)).save(tmp_path / "a.tif")
    retag(tmp_path / "a.tif", 338, 2, 1)
    picture = read_picture(tmp_path / "a.tif")
    assert picture.grey and (picture.colour == 255).all() and (picture.alpha == 127).all()
