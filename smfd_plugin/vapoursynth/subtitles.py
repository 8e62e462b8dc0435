"""Subtitles in a form that the container holds: texts are converted, pictures are copied."""

from collections.abc import Sequence

_TEXTS = ("subrip", "ass", "ssa", "webvtt", "mov_text", "text")
_ONLY = dict.fromkeys((".mp4", ".m4v", ".mov", ".3gp"), "mov_text") | {".webm": "webvtt"}
"""Of containers that hold one kind of text: which."""

_FOREIGN = {  # texts that a container does not hold, and what they become in it
    ".mkv": (("mov_text",), "subrip"),
    **{suffix: ({*_TEXTS} - {own}, own) for suffix, own in _ONLY.items()},
}
_TEXTLESS = (
    *(".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".vob"),  # ffmpeg writes what nobody can read
    *(".avi", ".mxf", ".wmv", ".flv"),
)
"""Containers that hold no text."""


def subtitle_options(codecs: Sequence[str], suffix: str) -> list[str]:
    """ffmpeg's options, to follow `-c copy` and what is copied of input 1.

    Args:
        codecs: FFmpeg's name of each subtitle stream's codec, in their order.
        suffix: of the file to write, in lower case.
    """
    foreign, own = _FOREIGN.get(suffix, ((), ""))
    options = [(f"-c:s:{i}", own) for i, codec in enumerate(codecs) if codec in foreign]
    options += [("-map", f"-1:s:{i}") for i in lost_texts(codecs, suffix)]
    return [word for option in options for word in option]


def lost_texts(codecs: Sequence[str], suffix: str) -> list[int]:
    """Numbers of the subtitle streams that a file cannot hold; see `subtitle_options`."""
    if suffix not in _TEXTLESS:
        return []
    return [i for i, codec in enumerate(codecs) if codec in _TEXTS]
