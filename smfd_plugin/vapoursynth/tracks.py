"""What a video file holds beside the frames that are restored, and how ffmpeg copies it."""

from dataclasses import dataclass, field

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from smfd_plugin.vapoursynth.subtitles import subtitle_options

_TAGS = ("language", "title")
_HOLD_COVERS = (".mp4", ".m4v")


@dataclass(frozen=True)
class Tracks:
    """What a video file holds beside the frames that are restored.

    Attributes:
        tags: language and title of the restored stream, where it has them.
        subtitles: FFmpeg's name of the codec of each subtitle stream.
        covers: how many streams are cover pictures.
        data: how many streams are no picture, sound or text, nor the names of chapters.
    """

    tags: dict[str, str] = field(default_factory=dict)
    subtitles: tuple[str, ...] = ()
    covers: int = 0
    data: int = 0

    def keeps_covers(self, suffix: str, start: float) -> bool:
        """Whether a file of this suffix, in lower case, that begins at `start`, in seconds, has the
        cover pictures. They are shown at 0, and most containers take them for moving pictures."""
        return suffix in _HOLD_COVERS and not start


def read_tracks(container: InputContainer) -> Tracks:
    """Tracks of an open file whose first moving pictures are restored."""
    streams = container.streams
    tags = moving_pictures(container).metadata
    chapters = bool(container.chapters())
    return Tracks(
        {name: tags[name] for name in _TAGS if name in tags},
        tuple(
            # The decoder's name may be another: srt for subrip.
            stream.codec_context.codec.canonical_name if stream.codec_context else stream.name
            for stream in streams.subtitles
        ),
        sum(map(is_cover, streams.video)),
        sum(not (chapters and stream.name == "bin_data") for stream in streams.data),
    )


def moving_pictures(container: InputContainer) -> VideoStream | None:
    """The stream that is restored: the first that is no cover picture; None if there is none."""
    return next((stream for stream in container.streams.video if not is_cover(stream)), None)


def is_cover(stream: VideoStream) -> bool:
    """Whether it is one picture for lists of files."""
    return bool(stream.disposition & Disposition.attached_pic)


def copy_options(tracks: Tracks, suffix: str, start: float) -> list[str]:
    """ffmpeg's options to write input 0, the restored picture, first, and of input 1, the file that
    it is from, all other streams that the result can have, with chapters and metadata.

    Args:
        tracks: of that file.
        suffix: of the file to write, in lower case.
        start: where the result begins in that file, in seconds.
    """
    covers = () if tracks.keeps_covers(suffix, start) else ("-map", "-1:v", "-map", "1:V")
    return [
        *("-map", "0:v", "-map", "1", *covers, "-map", "-1:V:0", "-map", "-1:d"),
        *("-map_metadata", "1", "-map_chapters", "1", "-c", "copy"),
        # Else players take another video stream that is copied for the film.
        *("-disposition:v:0", "default"),
        *(
            word
            for name, value in tracks.tags.items()
            for word in ("-metadata:s:v:0", f"{name}={value}")
        ),
        *subtitle_options(tracks.subtitles, suffix),
    ]
