"""A video file as VapourSynth sees it: BestSource reads it."""

import re
import tempfile
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import lcm
from pathlib import Path

import av
import vapoursynth as vs
from av.container import InputContainer
from av.video.stream import VideoStream

from smfd_plugin.vapoursynth.tracks import Tracks, moving_pictures, read_tracks

_FINEST = 2**31 - 1
"""The largest denominator that FFmpeg takes for a time base."""


@dataclass(frozen=True)
class Film:
    """The picture of a video file.

    Attributes:
        path: the file.
        clip: the frames.
        times: of each frame, in units of `time_base`, from `start` on.
        time_base: in seconds.
        size: width and height in the file; VapourSynth leaves the last column or row out where the
            format has no odd ones.
        tracks: what else the file holds.
        duration: in seconds, how long the picture should be by what the file says; 0: it says
            nothing.
        start, end: the part of the file, in seconds; end None: to its end.
    """

    path: Path
    clip: vs.VideoNode
    times: list[int]
    time_base: Fraction
    size: tuple[int, int]
    tracks: Tracks = field(default_factory=Tracks)
    duration: float = 0.0
    start: float = 0.0
    end: float | None = None

    def between(self, start: float, end: float | None) -> "Film":
        """The frames from `start` on and before `end`, both in seconds of the file.

        Raises:
            ValueError: there is no frame.
        """
        seconds = [float(time * self.time_base) for time in self.times]
        kept = [n for n, at in enumerate(seconds) if start <= at and (end is None or at < end)]
        if not kept:
            until = "the end" if end is None else f"{end:g} s"
            raise ValueError(
                f"{self.path}: no frame between {start:g} s and {until}; the video ends at "
                f"{seconds[-1]:g} s"
            )
        first, last = kept[0], kept[-1] + 1
        times = [time - round(start / self.time_base) for time in self.times[first:last]]
        return replace(self, clip=self.clip[first:last], times=times, start=start, end=end)

    def is_turned(self) -> bool:
        """Whether the picture was turned by a quarter, for a phone that was held upright; its size
        is then turned, but not the shape of its pixels."""
        width, height = self.size
        return (self.clip.width - self.clip.height) * (width - height) < 0

    def is_constant(self) -> bool:
        """Whether each frame is shown within half a frame of where a constant rate has it."""
        rate = Fraction(self.clip.fps)
        shown = [(time - self.times[0]) * self.time_base * rate for time in self.times]
        return rate > 0 and all(abs(at - n) < 0.5 for n, at in enumerate(shown))

    def rate(self) -> Fraction | None:
        """Frames per second; where they vary, the mean, for VapourSynth has no useful one: 1000 of
        a Matroska file. None: unknown."""
        seconds = (self.times[-1] - self.times[0]) * self.time_base
        if self.is_constant() or not seconds:
            return Fraction(self.clip.fps) or None
        return ((len(self.times) - 1) / seconds).limit_denominator(1001) or None


def read_film(path: Path) -> Film:
    """Opens a video file.

    Raises:
        ValueError: no video, one that FFmpeg cannot decode, that changes its format or size or
            whose time stamps do not rise; or BestSource is missing.
    """
    if not hasattr(vs.core, "bs"):
        raise ValueError("VapourSynth has no BestSource here: pip install vapoursynth-bestsource")
    name = absolute(path)
    try:
        with av.open(name) as container:
            picture = moving_pictures(container)
            if picture is None:
                raise ValueError(f"{path} holds no moving pictures, only sound")
            if picture.codec_context is None:
                raise ValueError(f"{path}: its video is of a kind that FFmpeg cannot decode")
            begin = Fraction(container.start_time or 0, av.time_base)
            stored, size = picture.time_base, (picture.width, picture.height)
            tracks, duration = read_tracks(container), _duration(container, picture)
            clip, stamps = _frames(name, picture.index, begin)
    except (vs.Error, av.FFmpegError, OSError, IndexError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error).removeprefix("VideoSource: ")
        raise ValueError(f"{path} cannot be read as a video: {reason}") from error
    if not (clip.format and clip.format.id and clip.width):
        raise ValueError(f"{path} changes its format or size; cut it into parts that do not")
    time_base = common_time_base(stored, clip.fps)
    times = [round((stamp - begin) / time_base) for stamp in stamps]
    late = next((n for n, pair in enumerate(pairwise(times), 1) if pair[1] <= pair[0]), None)
    if late is not None:
        raise ValueError(
            f"{path}: the time stamp of frame {late} is not after that of frame {late - 1}; "
            "convert it to a constant frame rate first"
        )
    return Film(path, clip, times, time_base, size, tracks, duration)


def common_time_base(stored: Fraction, rate: Fraction) -> Fraction:
    """The time base, in seconds, that has both the file's time stamps and those of its frame rate.

    The mean of a variable rate may be a fraction that no time base can have beside the file's, and
    a rate of 0 is unknown; then it is the file's alone.
    """
    both = lcm(stored.denominator, rate.numerator or 1)
    return Fraction(1, both if both <= _FINEST else stored.denominator)


def _duration(container: InputContainer, picture: VideoStream) -> float:
    """How many seconds the picture lasts by what the file says; 0 if it says nothing."""
    tags = (value for name, value in picture.metadata.items() if name.startswith("DURATION"))
    clock = re.match(r"(\d+):(\d+):(\d+\.?\d*)", next(tags, ""))  # Matroska's
    if clock:
        return 3600 * int(clock[1]) + 60 * int(clock[2]) + float(clock[3])
    if picture.duration:
        return float(picture.duration * picture.time_base)
    return (container.duration or 0) / av.time_base


def _frames(name: str, track: int, begin: Fraction) -> tuple[vs.VideoNode, list[Fraction]]:
    """The frames of a track and their time stamps in seconds; where the file has none, as AVI files
    with B-frames, those of a constant frame rate from `begin` on."""
    options = {"track": track, "cachemode": 0, "showprogress": False}
    with tempfile.TemporaryDirectory() as folder:
        codes = Path(folder, "timecodes")
        try:
            clip = vs.core.bs.VideoSource(name, timecodes=str(codes), **options)
        except vs.Error as error:
            if "unknown timestamp" not in str(error):
                raise
            clip = vs.core.bs.VideoSource(name, **options)
            if not clip.fps:
                raise
            return clip, [begin + n / Fraction(clip.fps) for n in range(clip.num_frames)]
        return clip, [Fraction(line) / 1000 for line in codes.read_text().splitlines()[1:]]


def absolute(path: Path) -> str:
    """The file's name for FFmpeg, which takes a relative one with a colon for an address."""
    return str(path.absolute())
