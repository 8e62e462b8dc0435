"""A video file from and to disk: BestSource reads it, the filter deblurs it, ffmpeg writes it.

Sound, subtitles, chapters and metadata are copied. Frames keep their time stamps, also those of a
variable frame rate, and their colour tags.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import lcm
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import vapoursynth as vs
from tqdm import tqdm

from smfd_plugin.vapoursynth.codecs import CODECS
from smfd_plugin.vapoursynth.errors import PREFIX
from smfd_plugin.vapoursynth.filter import deblur
from smfd_plugin.vapoursynth.properties import COUNT
from smfd_plugin.whole_files import whole_file


class VideoError(ValueError):
    """A video that cannot be read or written; the message names it."""


@dataclass(frozen=True)
class Film:
    """The picture of a video file.

    Attributes:
        path: the file.
        clip: the frames.
        times: of each frame, in units of `time_base`, from `start` on.
        time_base: in seconds.
        start, end: the part of the file, in seconds; end None: to its end.
    """

    path: Path
    clip: vs.VideoNode
    times: list[int]
    time_base: Fraction
    start: float = 0.0
    end: float | None = None

    def between(self, start: float, end: float | None) -> "Film":
        """The frames from `start` on and before `end`, both in seconds of the file.

        Raises:
            VideoError: there is no frame.
        """
        seconds = [float(time * self.time_base) for time in self.times]
        kept = [n for n, at in enumerate(seconds) if start <= at and (end is None or at < end)]
        if not kept:
            until = "the end" if end is None else f"{end:g} s"
            raise VideoError(
                f"{self.path}: no frame between {start:g} s and {until}; the video ends at "
                f"{seconds[-1]:g} s"
            )
        first, last = kept[0], kept[-1] + 1
        times = [time - round(start / self.time_base) for time in self.times[first:last]]
        return Film(self.path, self.clip[first:last], times, self.time_base, start, end)


def read_film(path: Path) -> Film:
    """Opens a video file.

    Raises:
        VideoError: no video, one that changes its format or size or whose time stamps do not rise;
            or BestSource is missing.
    """
    if not hasattr(vs.core, "bs"):
        raise VideoError("VapourSynth has no BestSource here: pip install vapoursynth-bestsource")
    name = _absolute(path)
    try:
        with tempfile.TemporaryDirectory() as folder, av.open(name) as container:
            if not container.streams.video:
                raise VideoError(f"{path} holds no pictures, only sound")
            codes = Path(folder, "timecodes")
            clip = vs.core.bs.VideoSource(
                name, timecodes=str(codes), cachemode=0, showprogress=False
            )
            stamps = [Fraction(line) / 1000 for line in codes.read_text().splitlines()[1:]]
            begin = Fraction(container.start_time or 0, av.time_base)
            base = container.streams.video[0].time_base
    except (vs.Error, av.FFmpegError, OSError, IndexError) as error:
        reason = getattr(error, "strerror", None) or str(error).removeprefix("VideoSource: ")
        raise VideoError(f"{path} cannot be read as a video: {reason}") from error
    if clip.format is None or not clip.width:
        raise VideoError(f"{path} changes its format or size; cut it into parts that do not")
    fine = Fraction(1, lcm(base.denominator, clip.fps.numerator))  # so that both are exact
    times = [round((stamp - begin) / fine) for stamp in stamps]
    late = next((n for n, pair in enumerate(pairwise(times), 1) if pair[1] <= pair[0]), None)
    if late is not None:
        raise VideoError(
            f"{path}: the time stamp of frame {late} is not after that of frame {late - 1}; "
            "convert it to a constant frame rate first"
        )
    return Film(path, clip, times, fine)


def write_film(
    film: Film, target: Path, codec: str = "h264", quality: int | None = None
) -> Iterator[vs.VideoFrame]:
    """Encodes the frames, and copies all other streams of their file.

    The target is written in a temporary folder beside it and moved when it is complete; if anything
    goes wrong, or the iterator is closed early, it stays as it was.

    Args:
        film: the frames; the other streams are cut to their time.
        target: the file to write, replaced if it exists. Its suffix decides the container.
        codec: one of CODECS.
        quality: ffmpeg's constant rate factor, lower is better; None: the codec's default.

    Yields:
        Each frame, when it has been handed to the encoder.

    Raises:
        VideoError: ffmpeg cannot write this, or the place cannot be written to.
    """
    first = film.clip.get_frame(0)
    try:
        with whole_file(target) as partial, tempfile.TemporaryFile() as messages:
            command = _command(film, first, partial, codec, quality)
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=messages)
            try:
                with suppress(OSError):  # if ffmpeg ends early, what it says tells more
                    yield from _send(film, process)
                if process.wait():
                    messages.seek(0)
                    said = messages.read().decode(errors="replace").strip() or "no reason given"
                    said = said.replace(_absolute(partial), str(target))
                    raise VideoError(
                        f"ffmpeg could not write {target}: {said.splitlines()[0]} (.mkv holds "
                        "streams of all kinds)"
                    )
            finally:
                process.kill()
                process.wait()
    except OSError as error:
        raise VideoError(f"cannot write {target}: {error.strerror}") from error


def deblur_file(
    source: Path,
    target: Path,
    start: float = 0.0,
    end: float | None = None,
    codec: str = "h264",
    quality: int | None = None,
    **arguments: str | float | None,
) -> tuple[int, int]:
    """Deblurs a video file, with a progress bar. Of an interlaced one it says that the result is
    marked as progressive.

    Args:
        source: the file to read.
        target, codec, quality: see `write_film`.
        start, end: in seconds, the part to write; default: all.
        arguments: of `filter.deblur`.

    Returns:
        How many frames were written, and how many of them show a face.

    Raises:
        VideoError: see `read_film` and `write_film`; or what `filter.deblur` refuses.
    """
    film = read_film(source).between(start, end)
    with_faces = 0
    try:
        if film.clip.get_frame(0).props.get("_FieldBased", 0):
            tqdm.write(
                f"{source} is marked as interlaced, the result will not be; if it shows combs, "
                "deinterlace it first (ffmpeg -i IN -vf bwdif OUT)",
                file=sys.stderr,
            )
        film = replace(film, clip=deblur(film.clip, **arguments))
        with tqdm(total=len(film.times), unit="frame", disable=None) as progress:
            for frame in write_film(film, target, codec, quality):
                with_faces += frame.props.get(COUNT, 0) > 0
                progress.update()
    except vs.Error as error:
        raise VideoError(f"{source}: {str(error).removeprefix(PREFIX)}") from error
    return len(film.times), with_faces


def _absolute(path: Path) -> str:
    """The file's name for FFmpeg, which takes a relative one with a colon for an address."""
    return str(path.absolute())


def _command(
    film: Film, first: vs.VideoFrame, partial: Path, codec: str, quality: int | None
) -> list[str]:
    """ffmpeg's: frames come from its standard input, everything else from their file."""
    encoder, default = CODECS[codec]
    part = ["-ss", str(film.start)] if film.start else []
    part += ["-t", str(film.end - film.start)] if film.end is not None else []
    quality = default if quality is None else quality
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-y", "-v", "error"),
        # ffmpeg lets every input begin at 0; the picture may begin later than the sound.
        *("-itsoffset", str(float(film.times[0] * film.time_base)), "-f", "nut", "-i", "-"),
        *(*part, "-i", _absolute(film.path)),
        *("-map", "0:v", "-map", "1", "-map", "-1:v:0", "-map", "-1:d"),
        *("-map_metadata", "1", "-map_chapters", "1", "-c", "copy"),
        *(("-copypriorss", "0") if film.start else ()),
        *("-c:v:0", encoder, "-fps_mode:v:0", "passthrough", "-enc_time_base:v:0", "demux"),
        *(("-crf:v:0", str(quality)) if quality is not None else ()),
        *("-filter:v:0", _tags(first)),
        _absolute(partial),
    ]


def _tags(frame: vs.VideoFrame) -> str:
    """ffmpeg filters that label the frames as the source's are."""
    props = frame.props
    tags = [
        f"{name}={int(props[key])}"
        for name, key in (
            ("colorspace", "_Matrix"),
            ("color_primaries", "_Primaries"),
            ("color_trc", "_Transfer"),
        )
        if key in props
    ]
    if "_Range" in props:
        tags.append(f"range={'pc' if props['_Range'] == vs.RANGE_FULL else 'tv'}")
    if "_ChromaLocation" in props:
        tags.append(f"chroma_location={int(props['_ChromaLocation']) + 1}")
    shape = f"setsar={props.get('_SARNum', 1)}/{props.get('_SARDen', 1)}:max=65535"
    return f"setparams={':'.join(tags)},{shape}" if tags else shape


def _send(film: Film, process: subprocess.Popen) -> Iterator[vs.VideoFrame]:
    """Writes the frames as a NUT stream, which, unlike plain video, has time stamps."""
    form = pixel_format(film.clip.format)
    with process.stdin, av.open(process.stdin, "w", format="nut") as container:
        stream = container.add_stream("rawvideo", rate=film.clip.fps or None)
        stream.width, stream.height, stream.pix_fmt = film.clip.width, film.clip.height, form
        stream.time_base = stream.codec_context.time_base = film.time_base
        for time, frame in zip(film.times, film.clip.frames(close=False), strict=True):
            picture = av.VideoFrame(film.clip.width, film.clip.height, form)
            for plane, samples in zip(picture.planes, _planes(frame), strict=True):
                lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                lines[:, : samples.shape[1]] = samples
            picture.pts, picture.time_base = time, film.time_base
            container.mux(stream.encode(picture))
            yield frame
        container.mux(stream.encode())


def _planes(frame: vs.VideoFrame) -> list[np.ndarray]:
    """Rows of bytes, RGB in ffmpeg's order."""
    order = (1, 2, 0) if frame.format.color_family == vs.RGB else range(frame.format.num_planes)
    return [np.ascontiguousarray(frame[plane]).view(np.uint8) for plane in order]


def pixel_format(form: vs.VideoFormat) -> str:
    """ffmpeg's name of an integer format.

    Raises:
        VideoError: ffmpeg has none.
    """
    ratio = {(0, 0): "444", (1, 0): "422", (1, 1): "420", (2, 0): "411", (2, 2): "410"}
    ratio[0, 1] = "440"
    names = {vs.RGB: "gbr", vs.GRAY: "gray"}
    name = names.get(form.color_family) or (
        "yuv" + ratio.get((form.subsampling_w, form.subsampling_h), "?")
    )
    name += "" if form.color_family == vs.GRAY else "p"
    name += "" if form.bits_per_sample == 8 else f"{form.bits_per_sample}le"
    try:
        av.VideoFormat(name)
    except ValueError as error:
        raise VideoError(f"ffmpeg has no pixel format for {form.name}") from error
    return name
