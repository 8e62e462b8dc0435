"""Subtitles in a form that the container holds: texts are converted, pictures are copied."""

from collections.abc import Sequence

_TEXTS = ("subrip", "ass", "ssa", "webvtt", "mov_text", "text")
_FOREIGN = {  # texts that a container does not hold, and what they become in it
    ".mkv": (("mov_text",), "subrip"),
    **dict.fromkeys((".mp4", ".m4v", ".mov"), ([t for t in _TEXTS if t != "mov_text"], "mov_text")),
}


def subtitle_options(codecs: Sequence[str], suffix: str) -> list[str]:
    """ffmpeg's options, to follow `-c copy`.

    Args:
        codecs: FFmpeg's name of each subtitle stream's codec, in their order.
        suffix: of the file to write, in lower case.
    """
    foreign, own = _FOREIGN.get(suffix, ((), ""))
    options = [(f"-c:s:{i}", own) for i, codec in enumerate(codecs) if codec in foreign]
    return [word for option in options for word in option]
