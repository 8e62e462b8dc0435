"""What of a film the result will not have."""

from collections.abc import Iterator

import vapoursynth as vs

from smfd_plugin.vapoursynth.codecs import CODECS, Codec
from smfd_plugin.vapoursynth.film import Film
from smfd_plugin.vapoursynth.subtitles import lost_texts

_LOST = {
    "_Alpha": "transparency",
    "MasteringDisplay": "HDR10 metadata",
    "ContentLightLevel": "HDR10 metadata",
    "DolbyVision": "Dolby Vision metadata",
    "HDR10Plus": "HDR10+ metadata",
}
"""What is not carried over, by how the names of its frame properties begin."""


def left_out(film: Film, suffix: str, codec: str) -> Iterator[str]:
    """Sentences that follow the file's name.

    Args:
        film: what is to be written.
        suffix: of the file to write, in lower case.
        codec: one of CODECS.
    """
    props = film.clip.get_frame(0).props
    if props.get("_FieldBased", 0):
        yield (
            "is marked as interlaced, the result will not be; if it shows combs, deinterlace it "
            "first (ffmpeg -i IN -vf bwdif OUT)"
        )
    lost = {name for start, name in _LOST.items() if any(key.startswith(start) for key in props)}
    if film.tracks.covers and not film.tracks.keeps_covers(suffix, film.start):
        lost.add("a cover picture")
    if film.tracks.data:
        lost.add("a time code or other data")
    if lost:
        them = "it" if len(lost) == 1 else "them"
        yield f"has {' and '.join(sorted(lost))}, the result will not have {them}"
    if lost_texts(film.tracks.subtitles, suffix):
        yield (
            f"has subtitles in text, which {suffix} cannot hold; they are left out (.mp4 and .mkv "
            "keep them)"
        )
    yield from _size(film)
    yield from _samples(film.clip.format, codec)
    yield from _end(film)
    if suffix == ".avi" and not film.is_constant():
        yield (
            "has a variable frame rate, which .avi cannot hold; frames are repeated or left out "
            "(.mp4 and .mkv keep them)"
        )


def _size(film: Film) -> Iterator[str]:
    cut = (film.clip.width, film.clip.height)
    if sorted(cut) != sorted(film.size):  # BestSource may have turned the picture
        yield (
            f"measures {film.size[0]}x{film.size[1]}, the result {cut[0]}x{cut[1]}: its format has "
            "no odd sizes in VapourSynth"
        )


def _samples(form: vs.VideoFormat, codec: str) -> Iterator[str]:
    own = CODECS[codec]
    if _holds(own, form):
        return
    most = f"{own.bits} bits" + ("" if own.chroma == "4:4:4" else f" and {own.chroma}")
    better = [name for name, other in CODECS.items() if other.rgb and _holds(other, form)]
    yield (
        f"is {form.name}, {codec} holds no more than {most}; --codec {' or '.join(better)} keeps "
        "all"
    )


def _holds(codec: Codec, form: vs.VideoFormat) -> bool:
    """Whether the codec has all bits of the samples, and all samples of the colour."""
    small = form.color_family == vs.GRAY or (form.subsampling_w, form.subsampling_h) == (1, 1)
    return form.bits_per_sample <= codec.bits and (small or codec.chroma == "4:4:4")


def _end(film: Film) -> Iterator[str]:
    rate = film.rate()
    frame = 1 / rate if rate else 0
    end = film.start + film.times[-1] * film.time_base + frame
    stated = film.duration if film.end is None else min(film.duration, film.end)
    if stated - end > 1 + 3 * frame:
        yield (
            f"should be {film.duration:.1f} s long, but its picture ends at {float(end):.1f} s; it "
            "may be damaged or not complete"
        )
