import struct
import zlib
from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from smfd_plugin.restore.io import (
    PictureError,
    PictureFile,
    read_picture,
    write_picture,
    write_whole,
)

RNG = np.random.default_rng(0)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels"),
    [
        *product((".png", ".tif"), (np.uint8, np.uint16), ((), (3,), (4,))),
        (".bmp", np.uint8, ()),
        (".bmp", np.uint8, (3,)),
    ],
)
def test_what_is_read_is_written(tmp_path, stored, suffix, dtype, channels):
    pixels = noise(20, 30, *channels, dtype=dtype)
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    cv2.imwrite(str(source), pixels)
    picture = read_picture(source)
    assert picture.colour.shape == (20, 30, 3) and picture.colour.dtype == dtype
    assert picture.grey == (channels == ())
    assert (picture.alpha is not None) == (channels == (4,))
    write_picture(target, picture)
    written = stored(target)
    assert written.dtype == dtype and np.array_equal(written, pixels)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_with_transparency(tmp_path, suffix):
    grey, alpha = noise(20, 30), noise(20, 30)
    Image.merge("LA", [Image.fromarray(x) for x in (grey, alpha)]).save(tmp_path / f"in{suffix}")
    picture = read_picture(tmp_path / f"in{suffix}")
    assert picture.grey
    write_picture(tmp_path / "out.png", picture)
    written = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(written, np.dstack((grey, grey, grey, alpha)))


def test_grey_stays_grey_when_a_network_tints_it(tmp_path):
    cv2.imwrite(str(tmp_path / "in.png"), np.full((8, 8), 100, np.uint8))
    picture = read_picture(tmp_path / "in.png")
    picture.colour[2:4] = (90, 100, 120)
    write_picture(tmp_path / "out.png", picture)
    written = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert written.shape == (8, 8)
    assert (written[2:4] == 105).all() and (written[5:] == 100).all()


def test_palette(tmp_path):
    image = Image.fromarray(noise(20, 30, 3)).quantize(16)
    image.save(tmp_path / "in.png")
    expected = np.asarray(image.convert("RGB"))[..., ::-1]
    assert np.array_equal(read_picture(tmp_path / "in.png").colour, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_exif_rotation_is_applied_once(tmp_path, orientation, suffix):
    """Pillow's own exif_transpose says how it should look."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    smooth = np.add.outer(np.arange(24) * 9, np.arange(40) * 1)[..., None].repeat(3, 2)
    Image.fromarray(smooth.astype(np.uint8)).save(tmp_path / f"in{suffix}", exif=exif, quality=100)
    picture = read_picture(tmp_path / f"in{suffix}")
    with Image.open(tmp_path / f"in{suffix}") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))[..., ::-1]
    assert picture.colour.shape == expected.shape
    assert np.abs(picture.colour.astype(int) - expected).max() <= 2
    write_picture(tmp_path / f"out{suffix}", picture)
    with Image.open(tmp_path / f"out{suffix}") as written:
        assert written.getexif().get(0x0112, 1) == 1
        assert written.getexif()[0x010F] == "Maker"
        assert np.abs(np.asarray(written)[..., ::-1].astype(int) - expected).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_the_colour_profile_is_kept(tmp_path, suffix):
    Image.fromarray(noise(20, 30, 3)).save(tmp_path / f"in{suffix}", icc_profile=PROFILE)
    assert not write_picture(tmp_path / f"out{suffix}", read_picture(tmp_path / f"in{suffix}"))
    with Image.open(tmp_path / f"out{suffix}") as written:
        assert written.info["icc_profile"] == PROFILE


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        ({}, ()),
        ({"dpi": (300, 300)}, ("resolution",)),
        ({"exif": {0x010F: "Maker"}}, ("EXIF data",)),
        ({"exif": {0x010F: "Maker"}, "dpi": (300, 300)}, ("EXIF data", "resolution")),
        ({"icc_profile": PROFILE}, ("colour profile",)),
    ],
)
def test_bmp_says_what_it_leaves_out(tmp_path, options, lost):
    exif = Image.Exif()
    exif.update(options.get("exif", {}))
    Image.fromarray(noise(8, 8, 3)).save(tmp_path / "in.png", **options | {"exif": exif})
    assert write_picture(tmp_path / "a.bmp", read_picture(tmp_path / "in.png")) == lost


@pytest.mark.parametrize(
    ("name", "picture", "words"),
    [
        ("a.jpg", PictureFile(np.zeros((8, 8, 3), np.uint8), exif=bytes(70_000)), "EXIF"),
        ("a.jpg", PictureFile(np.zeros((1, 66_000, 3), np.uint8)), "at most 65500 pixels"),
        ("a.webp", PictureFile(np.zeros((17_000, 1, 3), np.uint8)), "at most 16383 pixels"),
    ],
)
def test_what_is_too_much_for_a_format_is_refused(tmp_path, name, picture, words):
    with pytest.raises(PictureError, match=f"{name}.*{words}.*use .png"):
        write_picture(tmp_path / name, picture)
    assert not list(tmp_path.iterdir())


def test_what_opencv_cannot_encode_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imencodeWithMetadata", lambda *_: (False, ()))
    with pytest.raises(PictureError, match=r"cannot write .*a\.png"):
        write_picture(tmp_path / "a.png", PictureFile(noise(8, 8, 3)))
    assert not list(tmp_path.iterdir())


def test_opaque_is_not_transparent(tmp_path):
    pixels = noise(8, 8, 4)
    pixels[..., 3] = 255
    cv2.imwrite(str(tmp_path / "in.png"), pixels)
    picture = read_picture(tmp_path / "in.png")
    write_picture(tmp_path / "out.png", picture)
    assert np.array_equal(cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED), pixels)
    write_picture(tmp_path / "out.jpg", picture)
    assert cv2.imread(str(tmp_path / "out.jpg"), cv2.IMREAD_UNCHANGED).shape == (8, 8, 3)


def test_cmyk_becomes_rgb(tmp_path):
    grey = np.full((16, 16, 4), (0, 0, 0, 128), np.uint8)
    Image.fromarray(grey, "CMYK").save(tmp_path / "in.jpg", icc_profile=PROFILE)
    picture = read_picture(tmp_path / "in.jpg")
    assert np.abs(picture.colour.astype(int) - 127).max() < 8
    assert picture.icc == b""
    Image.fromarray(grey, "CMYK").save(tmp_path / "in.tif")
    assert read_picture(tmp_path / "in.tif").alpha is None


def test_jpeg_is_written_well(tmp_path, astronaut):
    cv2.imwrite(str(tmp_path / "in.png"), astronaut)
    write_picture(tmp_path / "out.jpg", read_picture(tmp_path / "in.png"))
    assert cv2.PSNR(cv2.imread(str(tmp_path / "out.jpg")), astronaut) > 38


@pytest.mark.parametrize("suffix", [".jpg", ".avif"])
def test_colours_have_as_many_pixels_as_brightness(tmp_path, suffix):
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (0, 0, 255), (255, 0, 0)  # red and blue
    write_picture(tmp_path / f"a{suffix}", PictureFile(stripes))
    again = read_picture(tmp_path / f"a{suffix}").colour
    assert np.abs(again.astype(int) - stripes).mean() < 10


@pytest.mark.parametrize(("quality", "written"), [(94, 95), (95, 95), (96, 100), (100, 100)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_is_written_no_coarser_than_it_was(tmp_path, mode, quality, written):
    def save(name, quality):
        picture = Image.fromarray(noise(16, 16, 3)).convert(mode)
        picture.save(tmp_path / name, format="JPEG", quality=quality)
        with Image.open(tmp_path / name) as saved:
            return saved.quantization

    save("in.jpg", quality)
    picture = read_picture(tmp_path / "in.jpg")
    assert picture.fine == (written == 100)
    write_picture(tmp_path / "out.jpg", picture)
    with Image.open(tmp_path / "out.jpg") as out:
        assert out.quantization == save("expected.jpg", written)


@pytest.mark.parametrize("icc", [b"", PROFILE + b"a"])
def test_a_lossless_webp_stays_lossless(tmp_path, icc):
    pixels = noise(16, 16, 4) | 1  # what is wholly transparent has no colour
    for name, lossless in (("in.webp", True), ("lossy.webp", False)):
        Image.fromarray(pixels).save(tmp_path / name, lossless=lossless, icc_profile=icc)
    picture = read_picture(tmp_path / "in.webp")
    assert picture.fine and not read_picture(tmp_path / "lossy.webp").fine
    write_picture(tmp_path / "out.webp", picture)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.webp")), pixels)
    write_picture(tmp_path / "out.webp", replace(picture, fine=False))
    assert not np.array_equal(np.asarray(Image.open(tmp_path / "out.webp")), pixels)


@pytest.mark.parametrize("name", ["out.jfif", "out.JPE"])
def test_jpeg_has_several_suffixes(tmp_path, name):
    picture = PictureFile(noise(8, 8, 3), icc=PROFILE)
    write_picture(tmp_path / "out.jpg", picture)
    assert not write_picture(tmp_path / name, picture)
    assert (tmp_path / name).read_bytes() == (tmp_path / "out.jpg").read_bytes()
    read = read_picture(tmp_path / name)
    assert read.icc == PROFILE and read.colour.shape == (8, 8, 3)


def unreadable(path, words):
    with pytest.raises(PictureError, match=words) as error:
        read_picture(path)
    assert path.name in str(error.value) and "\n" not in str(error.value)


def test_missing(tmp_path):
    unreadable(tmp_path / "none.png", "cannot read")


def test_empty(tmp_path):
    (tmp_path / "a.png").touch()
    unreadable(tmp_path / "a.png", "empty")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
def test_truncated(tmp_path, suffix, astronaut):
    data = cv2.imencode(suffix, astronaut)[1].tobytes()
    (tmp_path / f"a{suffix}").write_bytes(data[: len(data) // 2])
    unreadable(tmp_path / f"a{suffix}", "damaged|no picture")


def test_no_picture(tmp_path):
    (tmp_path / "a.png").write_text("this is a text")
    unreadable(tmp_path / "a.png", "no picture")


def test_a_program_for_printers_is_not_run(tmp_path):
    Image.fromarray(noise(20, 30, 3)).save(tmp_path / "a.png", format="EPS")
    unreadable(tmp_path / "a.png", "no picture in a format that smfd knows")


def test_too_many_pixels_are_counted(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.jpg"), noise(50, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 999)
    unreadable(tmp_path / "a.jpg", "has 2,000 pixels; smfd reads up to 1,998, so make it smaller")


def test_animated(tmp_path):
    frames = [Image.fromarray(noise(20, 30, 3)) for _ in range(2)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    unreadable(tmp_path / "a.webp", "holds 2 pictures; only single ones")


def test_float_pixels(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tif"), np.zeros((8, 8), np.float32))
    unreadable(tmp_path / "a.tif", "float32")


@pytest.mark.parametrize(
    ("dtype", "channels", "name", "words"),
    [
        (np.uint16, 3, "a.jpg", "16 bit"),
        (np.uint16, 3, "a.webp", "16 bit"),
        (np.uint8, 4, "a.jpg", "transparency"),
        (np.uint8, 4, "a.bmp", "transparency"),
        (np.uint8, 3, "a.gif", r"\.png"),
        (np.uint8, 3, "a", r"\.png"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, dtype, channels, name, words):
    cv2.imwrite(str(tmp_path / "in.png"), noise(8, 8, channels, dtype=dtype))
    picture = read_picture(tmp_path / "in.png")
    with pytest.raises(PictureError, match=words):
        write_picture(tmp_path / name, picture)
    assert not (tmp_path / name).exists()


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    folder = tmp_path / "a.png"
    folder.mkdir()
    with pytest.raises(PictureError, match="cannot write"):
        write_whole(folder, b"data")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(PictureError, match=r"cannot write .*taken/a\.png"):
        write_whole(tmp_path / "taken/a.png", b"data")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_with_one_transparent_value(tmp_path, dtype):
    grey = noise(8, 8, dtype=dtype)
    clear = int(grey[0, 0])
    Image.fromarray(grey).save(tmp_path / "in.png", transparency=clear)
    picture = read_picture(tmp_path / "in.png")
    assert picture.grey and picture.alpha.dtype == dtype
    assert np.array_equal(picture.alpha, np.where(grey == clear, 0, np.iinfo(dtype).max))


@pytest.mark.parametrize(
    ("alpha", "suffix", "kept"), [(None, ".png", True), (None, ".webp", False), (9, ".png", False)]
)
def test_a_profile_of_grey_stays_with_grey(tmp_path, alpha, suffix, kept):
    icc = PROFILE[:16] + b"GRAY" + PROFILE[20:]
    colour = np.full((8, 8, 3), 100, np.uint8)
    alpha = alpha and np.full((8, 8), alpha, np.uint8)
    picture = PictureFile(colour, grey=True, alpha=alpha, icc=icc)
    lost = write_picture(tmp_path / f"a{suffix}", picture)
    assert lost == (() if kept else ("colour profile",))
    with Image.open(tmp_path / f"a{suffix}") as written:
        assert written.info.get("icc_profile") == (icc if kept else None)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_one_transparent_value_of_a_few_bits(tmp_path, bits):
    def chunk(name, data):
        check = zlib.crc32(name + data).to_bytes(4)
        return len(data).to_bytes(4) + name + data + check

    clear = 2**bits - 1
    head = struct.pack(">IIBBBBB", 8 // bits, 256, bits, 0, 0, 0, 0)
    rows = b"".join(bytes((0, value)) for value in range(256))  # no filter, and all that a byte is
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"tRNS", clear.to_bytes(2))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    picture = read_picture(tmp_path / "a.png")
    assert picture.grey and len(np.unique(picture.colour)) == 2**bits
    assert np.array_equal(picture.alpha, np.where(picture.colour[..., 0] == 255, 0, 255))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_colour_profile_may_be_long(tmp_path, suffix):
    icc = (len(PROFILE) + 2**20).to_bytes(4) + PROFILE[4:] + RNG.bytes(2**20)
    Image.fromarray(noise(8, 8, 3)).save(tmp_path / f"in{suffix}", icc_profile=icc)
    limit = PngImagePlugin.MAX_TEXT_CHUNK
    picture = read_picture(tmp_path / f"in{suffix}")
    assert picture.icc == icc and limit == PngImagePlugin.MAX_TEXT_CHUNK
    assert not write_picture(tmp_path / f"out{suffix}", picture)
    assert read_picture(tmp_path / f"out{suffix}").icc == icc
