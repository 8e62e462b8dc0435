"""Clips of a portrait in any format, and networks that take no time."""

import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
import torch
import vapoursynth as vs
from skimage import data

from smfd_plugin.archs import SMFDUNet
from smfd_plugin.vapoursynth import deblur
from smfd_plugin.vapoursynth.parts import change_frame
from smfd_plugin.weights import save_weights

PORTRAIT = data.astronaut()[0:256, 96:352]


def portrait_clip(
    form: int = vs.RGB24, length: int = 3, matrix: int = 1, shown: str | None = None
) -> vs.VideoNode:
    """The portrait, moved by two pixels a frame, in this format, with frame properties.

    Args:
        form: format.
        length: in frames.
        matrix: of YUV and Gray.
        shown: one letter per frame, x where the portrait is shown, else grey; default: always.
    """
    blank = vs.core.std.BlankClip(width=256, height=256, format=vs.RGB24, length=length)

    def draw(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        for plane in range(3):
            picture = np.roll(PORTRAIT[..., plane], 2 * n, 1)
            picture = picture if not shown or shown[n] == "x" else np.full_like(picture, 128)
            np.copyto(np.asarray(frame[plane]), picture)
        return frame

    clip = blank.std.ModifyFrame(blank, draw)
    family = vs.core.get_video_format(form).color_family
    if form != vs.RGB24:
        options = {} if family == vs.RGB else {"matrix": matrix}
        clip = clip.resize.Bicubic(format=form, **options)
    return clip.std.SetFrameProps(Mine=7)


@pytest.fixture
def planes() -> Callable[[vs.VideoFrame], list[np.ndarray]]:
    """Copies of a frame's planes."""
    return lambda frame: [np.asarray(plane).copy() for plane in frame]


@pytest.fixture
def same() -> Callable[[vs.VideoFrame, vs.VideoFrame], bool]:
    """Whether all samples of two frames are the same bits."""

    def compare(one: vs.VideoFrame, other: vs.VideoFrame) -> bool:
        pairs = zip(one, other, strict=True)
        return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)

    return compare


@pytest.fixture
def portrait() -> Callable[..., vs.VideoNode]:
    return portrait_clip


@pytest.fixture
def drawn() -> Callable[[list[np.ndarray]], vs.VideoNode]:
    """The (H, W, 3) RGB pictures as a clip."""

    def make(pictures: list[np.ndarray]) -> vs.VideoNode:
        height, width, _ = pictures[0].shape
        blank = vs.core.std.BlankClip(None, width, height, vs.RGB24, length=len(pictures))

        def draw(n, f):
            frame = f.copy()
            for plane in range(3):
                np.copyto(np.asarray(frame[plane]), pictures[n][..., plane])
            return frame

        return blank.std.ModifyFrame(blank, draw)

    return make


@pytest.fixture
def restored(tiny_weights) -> Callable[..., vs.VideoNode]:
    """deblur with a tiny network that changes every face, though the portrait is sharp."""

    def run(clip: vs.VideoNode, **arguments) -> vs.VideoNode:
        return deblur(clip, **{"weights": str(tiny_weights), "sharp_gate": 0} | arguments)

    return run


@pytest.fixture(params=["Python", "plugin"])
def refusal(request, portrait) -> Callable[..., str]:
    """What the filter, called in Python and as a plugin, says of arguments that do not fit."""
    call = deblur if request.param == "Python" else vs.core.smfd.Deblur

    def run(**arguments) -> str:
        with pytest.raises(vs.Error) as error:
            call(portrait(), **arguments)
        text = str(error.value)
        assert text.startswith("smfd.Deblur: ")
        assert "Traceback" not in text
        return text

    return run


@pytest.fixture
def identity_weights(tmp_path) -> str:
    """A network that changes nothing."""
    path = tmp_path / "identity.pth"
    options = {
        "widths": (8, 8),
        "growths": (4, 4),
        "encoder_blocks": (1, 1),
        "decoder_blocks": (1,),
        "mask_widths": (8, 8),
    }
    torch.manual_seed(0)
    save_weights(path, SMFDUNet(**options).state_dict(), {"type": "SMFDUNet", **options})
    return str(path)


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> Path:
    """Three frames of the portrait in an H.264 file."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    frames = b"".join(np.roll(PORTRAIT, 2 * n, 1).tobytes() for n in range(3))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-s", "256x256"]
    command += ["-pix_fmt", "rgb24", "-i", "-", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, input=frames, check=True)
    return path


@pytest.fixture
def change_of() -> Callable[..., vs.VideoNode]:
    """A clip of a (3, H, W) change's part within a box, for `colour.add_change`."""

    def make(clip: vs.VideoNode, change: np.ndarray, box: tuple[int, ...]) -> vs.VideoNode:
        left, top, right, bottom = box
        part = torch.from_numpy(change[:, top:bottom, left:right])
        frame = change_frame(torch.zeros_like(part), part, box)
        blank = clip.std.BlankClip(format=vs.RGBS, varsize=True)
        return blank.std.ModifyFrame(blank, lambda n, f: frame)

    return make


@pytest.fixture(scope="session")
def film_times() -> list[Fraction]:
    """Seconds of the variable frame rate of `varied_film`."""
    return [Fraction(time, 1000) for time in (0, 33, 70, 101, 140, 160, 250, 283)]


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., None]:
    """Runs ffmpeg with these arguments."""

    def run(*arguments: object) -> None:
        program = imageio_ffmpeg.get_ffmpeg_exe()
        subprocess.run([program, "-v", "error", *map(str, arguments)], check=True)

    return run


@pytest.fixture(scope="session")
def varied_film(tmp_path_factory, film_times, ffmpeg) -> Path:
    """The portrait at a variable frame rate, with sound, a subtitle and colour tags."""
    folder = tmp_path_factory.mktemp("varied")
    base = Fraction(1, 1000)
    with av.open(str(folder / "silent.mkv"), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width = stream.height = 256
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = base
        for n, time in enumerate(film_times):
            picture = np.roll(data.astronaut()[:256, 96:352], 2 * n, 1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = int(time / base), base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    (folder / "words.srt").write_text("1\n00:00:00,000 --> 00:00:00,200\nHello\n")
    tags = "h264_metadata=colour_primaries=6:transfer_characteristics=6:matrix_coefficients=6"
    ffmpeg(
        *("-i", folder / "silent.mkv", "-f", "lavfi", "-t", "0.4", "-i", "sine"),
        *("-i", folder / "words.srt", "-map", "0", "-map", "1", "-map", "2", "-c:v", "copy"),
        *("-bsf:v", f"{tags}:video_full_range_flag=0:sample_aspect_ratio=4/3"),
        *("-c:a", "aac", "-metadata", "title=Portrait", folder / "film.mkv"),
    )
    return folder / "film.mkv"
