"""What of a film the result will not have."""

from collections.abc import Iterator

from smfd_plugin.vapoursynth.film import Film

_LOST = {
    "_Alpha": "transparency",
    "MasteringDisplay": "HDR10 metadata",
    "DolbyVision": "Dolby Vision metadata",
    "HDR10Plus": "HDR10+ metadata",
}
"""What is not carried over, by how the names of its frame properties begin."""


def left_out(film: Film, suffix: str) -> Iterator[str]:
    """Sentences that follow the file's name.

    Args:
        film: what is to be written.
        suffix: of the file to write, in lower case.
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
    yield from _size(film)
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
