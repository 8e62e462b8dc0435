"""How a clip's samples become RGB and back, after its frame properties."""

from dataclasses import dataclass
from typing import Any

import vapoursynth as vs

_UNSPECIFIED = 2
_BT709, _BT601 = 1, 6


@dataclass(frozen=True)
class Colour:
    """What a frame's properties say of its samples, in VapourSynth's codes.

    Attributes:
        matrix: of YUV and Gray.
        full: whether integer samples use the full range.
        chroma: chroma location; None for the format's default.
    """

    matrix: int
    full: bool
    chroma: int | None

    def to_rgb(self, clip: vs.VideoNode) -> vs.VideoNode:
        """The clip in RGBS, [0, 1]."""
        if clip.format.color_family == vs.RGB:
            return clip.resize.Bicubic(format=vs.RGBS, range_in=self.full)
        return clip.resize.Bicubic(format=vs.RGBS, matrix_in=self.matrix, **self._options("_in"))

    def from_rgb(self, clip: vs.VideoNode, form: vs.VideoFormat) -> vs.VideoNode:
        """The inverse of to_rgb: an RGBS clip in this format."""
        if form.color_family == vs.RGB:
            return clip.resize.Bicubic(format=form.id, range=self.full)
        return clip.resize.Bicubic(format=form.id, matrix=self.matrix, **self._options(""))

    def _options(self, suffix: str) -> dict[str, Any]:
        options = {f"range{suffix}": self.full}
        if self.chroma is not None:
            options[f"chromaloc{suffix}"] = self.chroma
        return options


def colour_of(frame: vs.VideoFrame) -> Colour:
    """What the frame's properties say; what they leave out is VapourSynth's usual choice: BT.709
    from 720 lines on, else BT.601; limited range for YUV and Gray, full for RGB."""
    matrix = frame.props.get("_Matrix", _UNSPECIFIED)
    if matrix in (0, _UNSPECIFIED):  # 0 is RGB, which says nothing of YUV
        matrix = _BT709 if frame.height >= 720 else _BT601
    return Colour(int(matrix), _is_full_range(frame), frame.props.get("_ChromaLocation"))


def _is_full_range(frame: vs.VideoFrame) -> bool:
    if "_Range" in frame.props:
        return frame.props["_Range"] == 1
    if "_ColorRange" in frame.props:  # the older property counts the other way round
        return frame.props["_ColorRange"] == 0
    return frame.format.color_family == vs.RGB
