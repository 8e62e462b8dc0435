"""A video file from and to disk: BestSource reads it, the filter deblurs it, ffmpeg writes it.

Sound, subtitles, chapters and metadata are copied, subtitles in a form that the container holds.
Frames keep their time stamps, also those of a variable frame rate, and their colour tags.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from math import floor
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import av
import imageio_ffmpeg
import numpy as np
import vapoursynth as vs
from tqdm import tqdm

from smfd_plugin.common.whole_files import whole_file
from smfd_plugin.vapoursynth.codecs import CODECS
from smfd_plugin.vapoursynth.errors import PREFIX
from smfd_plugin.vapoursynth.film import Film, absolute, read_film
from smfd_plugin.vapoursynth.filter import deblur
from smfd_plugin.vapoursynth.left_out import left_out
from smfd_plugin.vapoursynth.properties import COUNT
from smfd_plugin.vapoursynth.tracks import copy_options


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
        ValueError: ffmpeg cannot write this, or the place cannot be written to.
    """
    first = film.clip.get_frame(0)
    try:
        with whole_file(target) as partial, tempfile.TemporaryFile() as messages:
            command = _command(film, first, partial, codec, quality)
            errors_only = os.environ | {"SVT_LOG": "1"}  # else that encoder greets first
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stderr=messages, env=errors_only
            )
            try:
                sent = False
                # If ffmpeg ends early, what it says tells more than the system.
                with suppress(OSError):
                    yield from _send(film, process.stdin)
                    process.stdin.close()
                    sent = True
                if process.wait():
                    messages.seek(0)
                    said = messages.read().decode(errors="replace").strip() or "no reason given"
                    said = said.replace(absolute(partial), str(target))
                    hint = "" if target.suffix.lower() == ".mkv" else " (.mkv holds most streams)"
                    raise ValueError(
                        f"ffmpeg could not write {target}: {said.splitlines()[0]}{hint}"
                    )
                if not sent:  # else a file that is cut short would pass for a whole one
                    raise ValueError(f"cannot write {target}: ffmpeg ended before the last frame")
            finally:
                process.kill()
                with suppress(OSError):  # what it has not read
                    process.stdin.close()
                process.wait()
    except OSError as error:
        raise ValueError(f"cannot write {target}: {error.strerror}") from error


def deblur_file(
    source: Path,
    target: Path,
    start: float = 0.0,
    end: float | None = None,
    codec: str = "h264",
    quality: int | None = None,
    **arguments: str | float | None,
) -> tuple[int, int]:
    """Deblurs a video file, with a progress bar. Says what of the file the result does not have.

    Args:
        source: the file to read.
        target, codec, quality: see `write_film`.
        start, end: in seconds, the part to write; default: all.
        arguments: of `filter.deblur`.

    Returns:
        How many frames were written, and how many of them show a face.

    Raises:
        ValueError: see `read_film` and `write_film`; or what `filter.deblur` refuses.
    """
    whole = read_film(source)
    film = whole.between(start, end)
    with_faces = 0
    try:
        for said in left_out(film, target.suffix.lower(), codec):
            tqdm.write(f"{source} {said}", file=sys.stderr)
        film = replace(film, clip=deblur(film.clip, **arguments))
        with tqdm(total=len(film.times), unit="frame", disable=None) as progress:
            for frame in write_film(film, target, codec, quality):
                with_faces += frame.props.get(COUNT, 0) > 0
                progress.update()
    except vs.Error as error:
        raise ValueError(f"{source}: {_reason(error, whole)}") from error
    return len(film.times), with_faces


def _reason(error: vs.Error, film: Film) -> str:
    """What stopped a film, whose file is read whole, and what to do."""
    said = str(error).removeprefix(PREFIX)
    damaged = re.search(r"No frame returned for frame number (\d+)", said)
    if not damaged:
        return said
    n = int(damaged[1])
    at = floor(1000 * film.times[n] * film.time_base) / 1000
    return (
        f"frame {n}, at {at} s, is damaged; leave it out with --end {at} or a later --start, or "
        "repair the file first (ffmpeg -i IN OUT)"
    )


def _command(
    film: Film, first: vs.VideoFrame, partial: Path, codec: str, quality: int | None
) -> list[str]:
    """ffmpeg's: frames come from its standard input, everything else from their file."""
    form = CODECS[codec]
    part = ["-ss", _seconds(film.start)] if film.start else []
    part += ["-t", _seconds(film.end - film.start)] if film.end is not None else []
    quality = form.quality if quality is None else quality
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-y", "-v", "error"),
        # ffmpeg lets every input begin at 0; the picture may begin later than the sound.
        *("-itsoffset", _seconds(film.times[0] * film.time_base), "-f", "nut", "-i", "-"),
        *(*part, "-i", absolute(film.path)),
        *copy_options(film.tracks, partial.suffix.lower(), film.start),
        *(("-copypriorss", "0") if film.start else ()),
        *("-c:v:0", form.encoder, *_timing(partial.suffix.lower())),
        *(("-crf:v:0", str(quality)) if quality is not None else ()),
        *("-filter:v:0", _filters(first, form.rgb, film.is_turned())),
        absolute(partial),
    ]


def _seconds(time: float | Fraction) -> str:
    """For ffmpeg, which counts microseconds and reads no exponents."""
    return f"{float(time):.6f}"


def _timing(suffix: str) -> tuple[str, ...]:
    """ffmpeg's options for time stamps: the frames' own, where the container can hold them."""
    if suffix == ".avi":  # counts frames, in the order in which they are stored
        return ("-fps_mode:v:0", "cfr", "-bf:v:0", "0")
    return ("-fps_mode:v:0", "passthrough", "-enc_time_base:v:0", "demux")


def _filters(frame: vs.VideoFrame, rgb: bool, turned: bool) -> str:
    """ffmpeg filters that label the frames as the source's are, with the shape of their pixels
    turned if they were turned, make RGB YUV where the encoder does not take it (`rgb` is False),
    and 4:2:2 that was turned 4:4:4, where ffmpeg by itself would make it 8 bit, or RGB."""
    props, form = frame.props, frame.format
    to_yuv = form.color_family == vs.RGB and not rgb
    is_turned_422 = (form.subsampling_w, form.subsampling_h) == (0, 1)
    tags = [
        f"{name}={int(props[key])}"
        for name, key in (
            ("colorspace", "_Matrix"),
            ("color_primaries", "_Primaries"),
            ("color_trc", "_Transfer"),
        )
        if key in props and not (to_yuv and key == "_Matrix")
    ]
    if "_Range" in props:
        tags.append(f"range={'pc' if props['_Range'] == vs.RANGE_FULL else 'tv'}")
    if "_ChromaLocation" in props:
        tags.append(f"chroma_location={int(props['_ChromaLocation']) + 1}")
    sides = (props.get("_SARNum", 1), props.get("_SARDen", 1))
    width, height = reversed(sides) if turned else sides
    shape = f"setsar={width}/{height}:max=65535"
    filters = [f"setparams={':'.join(tags)}"] if tags else []
    filters += ["scale=out_color_matrix=bt709:out_range=tv"] if to_yuv else []
    if is_turned_422 and form.bits_per_sample > 8:
        filters.append(f"format={pixel_format(form.replace(subsampling_h=0))}")
    return ",".join((*filters, shape))


def _send(film: Film, pipe: IO[bytes]) -> Iterator[vs.VideoFrame]:
    """Writes the frames as a NUT stream, which, unlike plain video, has time stamps."""
    form = pixel_format(film.clip.format)
    # PyAV loses an interrupt that comes while it writes, so it writes nowhere that may wait.
    chunks: list[bytes] = []
    with av.open(SimpleNamespace(write=chunks.append), "w", format="nut") as container:
        stream = container.add_stream("rawvideo", rate=film.rate())
        stream.width, stream.height, stream.pix_fmt = film.clip.width, film.clip.height, form
        stream.time_base = stream.codec_context.time_base = film.time_base
        for time, frame in zip(film.times, film.clip.frames(close=False), strict=True):
            picture = av.VideoFrame(film.clip.width, film.clip.height, form)
            for plane, samples in zip(picture.planes, _planes(frame), strict=True):
                lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                lines[:, : samples.shape[1]] = samples
            picture.pts, picture.time_base = time, film.time_base
            container.mux(stream.encode(picture))
            pipe.writelines(chunks)
            chunks.clear()
            yield frame
        container.mux(stream.encode())
    pipe.writelines(chunks)


def _planes(frame: vs.VideoFrame) -> list[np.ndarray]:
    """Rows of bytes, RGB in ffmpeg's order."""
    order = (1, 2, 0) if frame.format.color_family == vs.RGB else range(frame.format.num_planes)
    return [np.ascontiguousarray(frame[plane]).view(np.uint8) for plane in order]


def pixel_format(form: vs.VideoFormat) -> str:
    """ffmpeg's name of an integer format.

    Raises:
        ValueError: ffmpeg has none.
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
        raise ValueError(f"ffmpeg has no pixel format for {form.name}") from error
    return name
