"""Files are written by pillow-heif, which wraps the encoder that pi-heif comes without, and by
Pillow."""

from io import BytesIO

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from smfd_plugin.restore.heif import encode_avif
from smfd_plugin.restore.io import PictureError, PictureFile, read_picture, write_picture

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def write_heic(path, pixels, **options):
    """Writes RGB pixels, uint8 or uint16, or RGBA, or several pictures if given a list."""
    first, *others = pixels if isinstance(pixels, list) else [pixels]
    file = pillow_heif.HeifFile()
    for each in (first, *others):
        mode = {3: "RGB", 4: "RGBA"}[each.shape[2]] + (";16" if each.dtype == np.uint16 else "")
        file.add_frombytes(mode, each.shape[1::-1], each.tobytes())
    file.save(path, quality=100, chroma=444, **options)


def write_avif(path, pixels, **options):
    Image.fromarray(pixels).save(path, quality=100, subsampling="4:4:4", **options)


WRITERS = {".heic": write_heic, ".HEIF": write_heic, ".avif": write_avif}


def close(a, b, most=6):
    return a.shape == b.shape and np.abs(a.astype(int) - b).max() <= most


@pytest.fixture
def colours():
    """(24, 40, 3) RGB, smooth, each channel another."""
    rows, columns = np.mgrid[:24, :40]
    return np.stack((10 * rows, 6 * columns, 3 * (rows + columns) + 40), -1).astype(np.uint8)


@pytest.mark.parametrize("suffix", WRITERS)
def test_pixels_and_metadata_are_read(tmp_path, colours, suffix):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    path = tmp_path / f"in{suffix}"
    WRITERS[suffix](path, colours, exif=exif.tobytes(), icc_profile=PROFILE)
    picture = read_picture(path)
    assert picture.colour.dtype == np.uint8 and close(picture.colour, colours[..., ::-1])
    assert picture.alpha is None and not picture.grey
    assert picture.icc == PROFILE and picture.lost == ()
    assert not write_picture(tmp_path / "out.png", picture)
    with Image.open(tmp_path / "out.png") as written:
        assert written.getexif()[0x010F] == "Maker"


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_rotation_is_applied_once(tmp_path, colours, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is to be on the right
    path = tmp_path / f"in{suffix}"
    WRITERS[suffix](path, colours, exif=exif.tobytes())
    picture = read_picture(path)
    assert close(picture.colour, np.rot90(colours, -1)[..., ::-1])
    write_picture(tmp_path / "out.jpg", picture)
    with Image.open(tmp_path / "out.jpg") as written:
        assert written.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_transparency(tmp_path, colours, suffix):
    alpha = np.full((24, 40, 1), 255, np.uint8)
    alpha[:, :20] = 120
    path = tmp_path / f"in{suffix}"
    WRITERS[suffix](path, np.dstack((colours, alpha)))
    picture = read_picture(path)
    assert close(picture.alpha, alpha[..., 0]) and close(picture.colour, colours[..., ::-1])
    with pytest.raises(PictureError, match="no transparency"):
        write_picture(tmp_path / "out.jpg", picture)


def test_more_than_8_bit_are_named_as_lost(tmp_path, colours):
    write_heic(tmp_path / "a.heic", colours.astype(np.uint16) * 257, bit_depth=10)
    picture = read_picture(tmp_path / "a.heic")
    assert picture.lost == ("depth beyond 8 bit",) and close(picture.colour, colours[..., ::-1])
    deep = colours.astype(np.uint16) * 257
    encoded = cv2.imencode(".avif", deep[..., ::-1] // 64, [cv2.IMWRITE_AVIF_DEPTH, 10])[1]
    (tmp_path / "a.avif").write_bytes(encoded.tobytes())
    assert read_picture(tmp_path / "a.avif").lost == ("depth beyond 8 bit",)


def test_other_pictures_of_a_heic_file_are_named_as_lost(tmp_path, colours):
    write_heic(tmp_path / "a.heic", [colours, colours[:16]])
    picture = read_picture(tmp_path / "a.heic")
    assert picture.lost == ("further pictures",) and close(picture.colour, colours[..., ::-1])


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        ({"color_primaries": 12}, ("colour space",)),  # those of Display P3
        ({"transfer_characteristics": 16}, ("colour space",)),  # PQ, of HDR
        ({"color_primaries": 12, "icc_profile": PROFILE}, ()),
        ({"color_primaries": 1, "transfer_characteristics": 13}, ()),
    ],
)
def test_a_colour_space_that_no_profile_tells_is_named_as_lost(tmp_path, colours, options, lost):
    profile = options.pop("icc_profile", None)
    more = {"icc_profile": profile} if profile else {"save_nclx_profile": True}
    write_heic(tmp_path / "a.heic", colours, **options, **more)
    assert read_picture(tmp_path / "a.heic").lost == lost


def test_a_moving_avif_is_refused(tmp_path, colours):
    frames = [Image.fromarray(colours), Image.fromarray(colours[::-1].copy())]
    frames[0].save(tmp_path / "a.avif", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError, match=r"a\.avif holds 2 pictures"):
        read_picture(tmp_path / "a.avif")


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@pytest.mark.parametrize("part", [0.1, 0.9])
def test_truncated(tmp_path, colours, suffix, part):
    path = tmp_path / f"a{suffix}"
    WRITERS[suffix](path, colours.repeat(8, 0).repeat(8, 1))
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(PictureError, match=r"damaged") as error:
        read_picture(path)
    assert path.name in str(error.value) and "\n" not in str(error.value)


def test_an_avif_that_does_not_tell_where_its_pixels_are_is_damaged(tmp_path, colours):
    write_avif(tmp_path / "a.avif", colours)
    data = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "a.avif").write_bytes(data.replace(b"iloc", b"lost"))
    with pytest.raises(PictureError, match=r"a\.avif is damaged or truncated \(Failed to decode"):
        read_picture(tmp_path / "a.avif")


@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_avif_is_written_as_it_was(tmp_path, colours, channels):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    grey = cv2.cvtColor(colours[..., 1], cv2.COLOR_GRAY2BGR)
    alpha = np.full((24, 40), 200, np.uint8)
    picture = PictureFile(
        colour=colours if channels else grey,
        grey=not channels,
        alpha=alpha if channels == (4,) else None,
        exif=exif.tobytes().removeprefix(b"Exif\0\0"),
        icc=PROFILE,
    )
    assert not write_picture(tmp_path / "a.avif", picture)
    again = read_picture(tmp_path / "a.avif")
    assert close(again.colour, picture.colour) and again.grey == picture.grey
    assert (again.alpha is None) == (picture.alpha is None)
    assert again.alpha is None or close(again.alpha, alpha, most=2)
    assert again.icc == PROFILE and again.exif == picture.exif


def test_avif_has_no_16_bit(tmp_path):
    with pytest.raises(PictureError, match=r"\.avif has no 16 bit; use \.png or \.tif"):
        write_picture(tmp_path / "a.avif", PictureFile(np.zeros((8, 8, 3), np.uint16)))


def test_encoded_avif_is_close_to_its_pixels(astronaut):
    encoded = encode_avif(astronaut, b"", b"")
    assert len(encoded) < 300_000
    rgb = np.asarray(Image.open(BytesIO(encoded)))
    assert cv2.PSNR(rgb[..., ::-1].copy(), astronaut) > 38
