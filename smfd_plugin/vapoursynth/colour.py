"""What a clip's samples mean, after its frame properties, and how changes of RGB become changes of
those samples."""

from dataclasses import dataclass
from functools import lru_cache

import vapoursynth as vs

from smfd_plugin.restore.align import Box
from smfd_plugin.vapoursynth.errors import message
from smfd_plugin.vapoursynth.parts import PLACES, paste
from smfd_plugin.vapoursynth.properties import BOX, ERROR, TRANSFER
from smfd_plugin.vapoursynth.transfer import transfer_of

_NOT_LINEAR = {
    vs.MATRIX_BT2020_CL: "BT.2020 constant luminance",
    vs.MATRIX_CHROMATICITY_DERIVED_CL: "chromaticity-derived constant luminance",
    vs.MATRIX_ICTCP: "ICtCp",
}
"""Matrices of which only whole pictures can be converted, not differences."""

MATRICES = set(vs.MatrixCoefficients) - _NOT_LINEAR.keys()
"""Codes of all others."""

_CHROMA = "_ChromaLocation"

_BY_PRIMARIES = vs.MATRIX_CHROMATICITY_DERIVED_NCL


@dataclass(frozen=True)
class Colour:
    """What a frame's properties say of its samples, in VapourSynth's codes.

    Attributes:
        matrix: of YUV and Gray.
        full: whether integer samples use the full range.
        chroma: chroma location; None for the format's default.
        primaries: None where the matrix does not depend on them.
    """

    matrix: int
    full: bool
    chroma: int | None
    primaries: int | None

    def add_change(self, clip: vs.VideoNode, change: vs.VideoNode) -> vs.VideoNode:
        """Adds differences to the samples of a clip.

        Args:
            clip: the clip.
            change: RGBS frames of differences, each for the part of the picture that its property
                BOX names and as large; frames without that property change nothing.
        """

        @lru_cache(PLACES)
        def changed(box: Box) -> vs.VideoNode:
            left, top, right, bottom = box
            part = clip.std.CropAbs(right - left, bottom - top, left, top)
            part = self._add(part, change)
            return clip.std.ModifyFrame([clip, part], lambda n, f: _pasted(*f, (left, top)))

        def choose(n: int, f: vs.VideoFrame) -> vs.VideoNode:
            return changed(tuple(f.props[BOX])) if BOX in f.props else clip

        return clip.std.FrameEval(choose, prop_src=change, clip_src=[clip, change])

    def _add(self, clip: vs.VideoNode, change: vs.VideoNode) -> vs.VideoNode:
        """Adds an RGBS clip of differences to the samples of a clip of the same size.

        Matrices are linear, so that differences can be converted alone: samples whose difference
        is 0 keep their bits, and the others are rounded only once.
        """
        form = clip.format.replace(sample_type=vs.FLOAT, bits_per_sample=32)
        options = {}
        if form.color_family != vs.RGB:
            options["matrix"] = self.matrix
            if self.chroma is not None:
                options["chromaloc"] = self.chroma
            if self.primaries is not None:
                options |= {"primaries": self.primaries, "primaries_in": self.primaries}
        change = change.resize.Bicubic(clip.width, clip.height, format=form.id, **options)
        luma, chroma = self._units(clip.format)
        planes = [luma, chroma, chroma] if form.color_family == vs.YUV else [luma]
        # The condition keeps even the sign of zero and the payload of a NaN.
        return vs.core.std.Expr([clip, change], [f"y 0 = x y {unit} * x + ?" for unit in planes])

    def _units(self, form: vs.VideoFormat) -> tuple[float, float]:
        """What a difference of 1 is in samples of luma (or RGB) and of chroma."""
        if form.sample_type == vs.FLOAT:
            return 1, 1
        if self.full:
            return (2**form.bits_per_sample - 1,) * 2
        step = 2 ** (form.bits_per_sample - 8)
        return 219 * step, 224 * step


def check_linear(matrix: int) -> None:
    """Raises ValueError for a matrix that is not linear."""
    if matrix in _NOT_LINEAR:
        raise ValueError(f"matrix {matrix} ({_NOT_LINEAR[matrix]}) is not supported; convert first")


def colour_of(frame: vs.VideoFrame, matrix: int | None = None) -> Colour:
    """What the frame's properties say.

    What they leave out is `matrix`, or if that is None BT.709 for frames wider than 1024 or higher
    than 576 pixels and BT.601 for others; limited range for YUV and Gray, full range for RGB.

    Raises:
        ValueError: a matrix that is not linear, or a code that there is not.
    """
    found = _number(frame, "_Matrix", vs.MATRIX_UNSPECIFIED)
    is_rgb = frame.format.color_family == vs.RGB
    if is_rgb or found in (vs.MATRIX_RGB, vs.MATRIX_UNSPECIFIED):  # RGB says nothing of YUV
        high = frame.width > 1024 or frame.height > 576
        found = matrix or int(vs.MATRIX_BT709 if high else vs.MATRIX_ST170_M)
    check_linear(found)
    if found not in MATRICES:
        raise ValueError(f"there is no matrix {found}; set the frame property _Matrix")
    primaries = chroma = None
    if found == _BY_PRIMARIES:
        primaries = _number(frame, "_Primaries", vs.PRIMARIES_UNSPECIFIED)
        if primaries not in set(vs.ColorPrimaries) - {vs.PRIMARIES_UNSPECIFIED}:
            raise ValueError("matrix 12 needs the property _Primaries: it is missing or unknown")
    if (frame.format.subsampling_w or frame.format.subsampling_h) and _CHROMA in frame.props:
        chroma = _number(frame, _CHROMA)
        if chroma not in set(vs.ChromaLocation):
            raise ValueError(f"there is no chroma location {chroma}; set the property {_CHROMA}")
    return Colour(found, _is_full_range(frame), chroma, primaries)


def describe(clip: vs.VideoNode, matrix: int | None) -> vs.VideoNode:
    """The clip with complete properties for resize; frames whose colours are not supported have the
    error as a property.

    Args:
        clip: the filter's.
        matrix: see `colour_of`.
    """

    def complete(n: int, f: vs.VideoFrame) -> vs.VideoFrame:
        frame = f.copy()
        transfer = transfer_of(f.props)
        if transfer is not None:
            frame.props[TRANSFER] = transfer
        # A wrong flag of interlacing, which is common, would shift chroma.
        for name in ("_ColorRange", "_FieldBased", "_Transfer", "_Primaries"):
            if name in frame.props:
                del frame.props[name]
        try:
            colour = colour_of(f, matrix)
        except ValueError as error:
            frame.props[ERROR] = message(n, error)
            colour = Colour(int(vs.MATRIX_BT709), False, None, None)
        if colour.chroma is None and _CHROMA in frame.props:
            del frame.props[_CHROMA]
        frame.props["_Range"] = int(colour.full)
        is_rgb = f.format.color_family == vs.RGB
        frame.props["_Matrix"] = int(vs.MATRIX_RGB) if is_rgb else colour.matrix
        if colour.primaries is not None:
            frame.props["_Primaries"] = colour.primaries
        return frame

    return clip.std.ModifyFrame(clip, complete)


def _number(frame: vs.VideoFrame, name: str, missing: int = 0) -> int:
    value = frame.props.get(name, missing)
    if not isinstance(value, int):
        raise ValueError(f"the frame property {name} is {value!r}, not a number")
    return int(value)


def _is_full_range(frame: vs.VideoFrame) -> bool:
    if "_Range" in frame.props:
        return frame.props["_Range"] == 1
    if "_ColorRange" in frame.props:  # the older property counts the other way round
        return frame.props["_ColorRange"] == 0
    return frame.format.color_family == vs.RGB


def _pasted(frame: vs.VideoFrame, part: vs.VideoFrame, corner: tuple[int, int]) -> vs.VideoFrame:
    result = frame.copy()
    paste(result, part, corner)
    return result
