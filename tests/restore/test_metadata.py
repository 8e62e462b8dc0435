import struct
from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from smfd_plugin.restore.io import PictureFile, read_picture, write_picture

RNG = np.random.default_rng(0)
PROFILE = RNG.bytes(1000)


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def described() -> Image.Exif:
    """EXIF data with directories in a directory."""
    exif = Image.Exif()
    exif[0x010F], exif[0x4746] = "Maker", 5
    exif[0x0100] = 999  # a width, of another picture
    exif.get_ifd(0x8769).update({0x829A: 0.01, 0xA005: {1: "R98"}})
    exif.get_ifd(0x8825)[1] = "N"
    return exif


@pytest.mark.parametrize(("source", "target"), [*product((".jpg", ".tif"), repeat=2)])
def test_exif_data_go_from_format_to_format(tmp_path, source, target):
    Image.fromarray(noise(20, 30, 3)).save(tmp_path / "in.jpg", exif=described())
    write_picture(tmp_path / "in.tif", read_picture(tmp_path / "in.jpg"))
    assert not write_picture(tmp_path / f"out{target}", read_picture(tmp_path / f"in{source}"))
    with Image.open(tmp_path / f"out{target}") as written:
        exif = written.getexif()
        assert (exif[0x010F], exif[0x4746]) == ("Maker", 5)
        assert exif.get_ifd(0x8825)[1] == "N"
        assert exif.get_ifd(0x8769)[0x829A] == 0.01 and exif.get_ifd(0xA005)[1] == "R98"
        assert written.size == (30, 20)


@pytest.mark.parametrize("target", [".png", ".jpg", ".tif"])
def test_exif_data_leave_a_bigtiff(tmp_path, target):
    tags = {0x010F: "Maker", 0x0132: "2024:05:06 07:08:09", 0x013B: "Artist"}
    details, place = {0x829A: 0.01, 0xA005: {1: "R98"}}, {1: "N", 2: (1.5, 2.25, 3.0)}
    Image.fromarray(noise(20, 30, 3)).save(
        tmp_path / "in.tif", big_tiff=True, tiffinfo=tags | {0x8769: details, 0x8825: place}
    )
    assert (tmp_path / "in.tif").read_bytes()[2] == 43  # of a TIFF: 42
    assert not write_picture(tmp_path / f"out{target}", read_picture(tmp_path / "in.tif"))
    with Image.open(tmp_path / f"out{target}") as written:
        exif = written.getexif()
        assert {tag: exif[tag] for tag in tags} == tags
        assert exif.get_ifd(0x8769)[0x829A] == 0.01 and exif.get_ifd(0xA005) == {1: "R98"}
        assert exif.get_ifd(0x8825) == place


@pytest.mark.parametrize(("order", "head"), [("<", b"II*\0"), (">", b"MM\0*")])
def test_exif_data_of_a_tiff_keep_its_byte_order(tmp_path, order, head):
    tifffile.imwrite(tmp_path / "a.tif", noise(8, 8), byteorder=order, software="Maker")
    exif = read_picture(tmp_path / "a.tif").exif
    assert exif[:4] == head and b"Maker" in exif


def test_how_a_tiff_stores_its_pixels_stays_in_it(tmp_path):
    Image.fromarray(noise(20, 30, 3)).save(tmp_path / "in.tif", icc_profile=PROFILE)
    write_picture(tmp_path / "out.jpg", read_picture(tmp_path / "in.tif"))
    with Image.open(tmp_path / "out.jpg") as written:
        assert not written.getexif() and written.info["icc_profile"] == PROFILE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_a_tiff_with_metadata_has_the_same_pixels(tmp_path, stored, dtype, channels):
    pixels = noise(300, 70, *channels, dtype=dtype)
    cv2.imwrite(str(tmp_path / "in.tif"), pixels)
    picture = read_picture(tmp_path / "in.tif")
    exif = described().tobytes().removeprefix(b"Exif\0\0")
    write_picture(tmp_path / "out.tif", replace(picture, exif=exif, icc=PROFILE))
    assert np.array_equal(stored(tmp_path / "out.tif"), pixels)
    again = read_picture(tmp_path / "out.tif")
    assert again.icc == PROFILE and again.exif


def test_damaged_exif_data_are_left_out_and_the_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x0213] = 6, 1
    data = bytearray(exif.tobytes())
    place = data.index((0x0213).to_bytes(2))
    data[place + 2 : place + 4] = (2).to_bytes(2)  # the position of colours is a text now
    Image.fromarray(noise(20, 30, 3)).save(tmp_path / "in.jpg", exif=bytes(data))
    picture = read_picture(tmp_path / "in.jpg")
    assert picture.colour.shape == (30, 20, 3)
    assert write_picture(tmp_path / "out.png", picture) == ("damaged EXIF data",)
    assert np.array_equal(read_picture(tmp_path / "out.png").colour, picture.colour)


def test_xmp_and_iptc_data_are_named(tmp_path):
    file = tmp_path / "in.jpg"
    Image.fromarray(noise(8, 8, 3)).save(file, xmp=b"<x:xmpmeta/>")
    assert read_picture(file).lost == ("XMP data",)
    caption = b"\x1c\x02\x78" + (4).to_bytes(2) + b"Fair"  # dataset 2:120
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(caption).to_bytes(4) + caption + b"\0"
    plain = cv2.imencode(".jpg", noise(8, 8, 3))[1].tobytes()
    start = 4 + int.from_bytes(plain[4:6])
    file.write_bytes(
        plain[:start] + b"\xff\xed" + (2 + len(block)).to_bytes(2) + block + plain[start:]
    )
    assert read_picture(file).lost == ("IPTC data",)
    file.write_bytes(plain)
    assert read_picture(file).lost == ()


def test_a_long_colour_profile_fits_into_jpeg(tmp_path):
    icc = PROFILE + RNG.bytes(150_000)
    picture = PictureFile(noise(8, 8, 3), exif=described().tobytes()[6:], icc=icc)
    write_picture(tmp_path / "a.jpg", picture)
    with Image.open(tmp_path / "a.jpg") as written:
        assert written.info["icc_profile"] == icc and written.getexif()[0x010F] == "Maker"


@pytest.mark.parametrize(("source", "target"), [*product((".jpg", ".png", ".tif"), repeat=2)])
def test_the_resolution_is_kept(tmp_path, source, target):
    Image.fromarray(noise(8, 8, 3)).save(tmp_path / f"in{source}", dpi=(300, 150))
    assert not write_picture(tmp_path / f"out{target}", read_picture(tmp_path / f"in{source}"))
    with Image.open(tmp_path / f"out{target}") as written:
        exif = written.getexif()
        assert (exif[0x011A], exif[0x011B], exif[0x0128]) == (300, 150, 2)


def test_comments_texts_and_cmyk_are_named(tmp_path):
    picture = Image.fromarray(noise(8, 8, 3))
    picture.save(tmp_path / "a.jpg", comment="Fair")
    assert read_picture(tmp_path / "a.jpg").lost == ("comment",)
    texts = PngInfo()
    texts.add_text("Title", "Fair")
    picture.save(tmp_path / "a.png", pnginfo=texts)
    assert read_picture(tmp_path / "a.png").lost == ("texts",)
    for suffix, icc in product((".jpg", ".tif"), (PROFILE, None)):
        picture.convert("CMYK").save(tmp_path / f"b{suffix}", icc_profile=icc)
        assert read_picture(tmp_path / f"b{suffix}").lost == ("CMYK colours",)
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>")
    picture.save(tmp_path / "b.png", pnginfo=texts)
    assert read_picture(tmp_path / "b.png").lost == ("XMP data",)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("tail", "lost"), [(b"", ()), (b"\0\0\r\n", ()), (b"\0\0\0\x18ftypmp42", ("appended data",))]
)
def test_what_is_appended_to_a_jpeg_is_named(tmp_path, progressive, tail, lost):
    thumbnail = cv2.imencode(".jpg", noise(8, 8, 3))[1].tobytes()
    exif = Image.Exif()
    exif[0x9C9C] = thumbnail + b"behind it"  # a comment of Windows, as any bytes
    Image.fromarray(noise(64, 64, 3)).save(
        tmp_path / "a.jpg", exif=exif, progressive=progressive, restart_marker_blocks=3
    )
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(tail)
    assert read_picture(tmp_path / "a.jpg").lost == lost


def test_further_pictures_and_an_unusual_gamma_are_named(tmp_path):
    picture = Image.fromarray(noise(8, 8, 3))
    picture.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[picture])
    assert read_picture(tmp_path / "a.jpg").lost == ("further pictures",)
    for gamma, lost in ((1.0, ("gamma",)), (0.45455, ())):
        chunks = PngInfo()
        chunks.add(b"gAMA", struct.pack(">I", round(100_000 * gamma)))
        picture.save(tmp_path / "a.png", pnginfo=chunks)
        assert read_picture(tmp_path / "a.png").lost == lost


@pytest.mark.parametrize(
    ("red", "options", "lost"),
    [(0.708, {}, ("colour space",)), (0.64, {}, ()), (0.708, {"icc_profile": PROFILE}, ())],
)
def test_a_colour_space_that_no_profile_tells_is_named(tmp_path, red, options, lost):
    primaries = (0.3127, 0.329, red, 0.33, 0.3, 0.6, 0.15, 0.06)
    chunks = PngInfo()
    chunks.add(b"cHRM", struct.pack(">8I", *(round(100_000 * value) for value in primaries)))
    Image.fromarray(noise(8, 8, 3)).save(tmp_path / "a.png", pnginfo=chunks, **options)
    assert read_picture(tmp_path / "a.png").lost == lost


@pytest.mark.parametrize(
    ("code", "options", "lost"),
    [
        ((9, 16, 0, 1), {}, ("colour space",)),  # HDR10's, in full range
        ((9, 16, 0, 1), {"icc_profile": PROFILE}, ("colour space",)),
        ((1, 13, 0, 1), {}, ()),  # sRGB's
    ],
)
def test_a_coded_colour_space_other_than_srgb_is_named(tmp_path, code, options, lost):
    chunks = PngInfo()
    chunks.add(b"cICP", bytes(code))
    Image.fromarray(noise(8, 8, 3)).save(tmp_path / "a.png", pnginfo=chunks, **options)
    assert read_picture(tmp_path / "a.png").lost == lost


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_size_that_exif_data_tell_turns_with_the_picture(tmp_path, suffix, orientation):
    exif = described()
    exif[0x0112] = orientation
    details = exif.get_ifd(0x8769)
    details[0xA002], details[0xA003] = 30, 20
    Image.fromarray(noise(20, 30, 3)).save(tmp_path / f"in{suffix}", exif=exif)
    picture = read_picture(tmp_path / f"in{suffix}")
    write_picture(tmp_path / "out.jpg", picture)
    with Image.open(tmp_path / "out.jpg") as written:
        told = written.getexif().get_ifd(0x8769)
        assert (told[0xA002], told[0xA003]) == written.size == picture.colour.shape[1::-1]
