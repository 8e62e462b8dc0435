"""Arguments of smfd.Deblur, checked before the first frame; errors name the argument."""

import vapoursynth as vs

from smfd_plugin.vapoursynth.colour import MATRICES, check_linear
from smfd_plugin.vapoursynth.preview import PREVIEWS

DEFAULT_TEMPORAL, DEFAULT_SHARP_GATE = 3, 1.0
"""Also those of the command `smfd deblur`."""

_FAMILIES = (vs.RGB, vs.YUV, vs.GRAY)
_RANGES = {
    "strength": (0, 1),
    "half": (0, 1),
    "min_face": (0, 65536),
    "max_faces": (0, 65536),
    "temporal": (0, 15),
    "sharp_gate": (0, float("inf")),
    "feather": (0, 20),
    "num_streams": (0, 16),
}


def check_clip(clip: vs.VideoNode) -> None:
    """Raises ValueError for a clip that the filter cannot take."""
    if not (clip.format and clip.format.id and clip.width):
        raise ValueError("the clip's format and size must not change; convert it first")
    form = clip.format
    if form.color_family not in _FAMILIES or form.bits_per_sample not in (*range(8, 17), 32):
        raise ValueError(f"format {form.name} is not supported; use RGB, YUV or Gray, 8 to 16 bit")
    if form.sample_type == vs.INTEGER and form.bits_per_sample == 32:
        raise ValueError(f"format {form.name} is not supported; use at most 16 bit")
    if max(form.subsampling_w, form.subsampling_h) > 2:
        raise ValueError(f"format {form.name} is not supported; use subsampling of at most 4")


def check_ranges(**values: float) -> None:
    """Raises ValueError for a number outside its range."""
    for name, value in values.items():
        low, high = _RANGES[name]
        if not low <= value <= high:
            limits = f"at least {low}" if high == float("inf") else f"{low} to {high}"
            raise ValueError(f"{name} is {value}; it can be {limits}")


def check_preview(preview: str | None) -> str | None:
    """The preview's name; None for none.

    Raises:
        ValueError: an unknown name.
    """
    if preview and preview not in PREVIEWS:
        raise ValueError(f"unknown preview {preview!r}; known: {', '.join(PREVIEWS)}")
    return preview or None


def check_matrix(matrix: int | None) -> None:
    """Raises ValueError for a code that is unknown, names no matrix or a matrix that is not
    supported."""
    if matrix is None:
        return
    check_linear(matrix)
    if matrix not in MATRICES - {vs.MATRIX_RGB, vs.MATRIX_UNSPECIFIED}:
        raise ValueError(f"unknown matrix {matrix}; use 1 for BT.709, 6 for BT.601, 9 for BT.2020")


def text(name: str, argument: str | bytes | None) -> str | None:
    """VapourSynth hands text over as bytes where a script did not mark it as UTF-8.

    Raises:
        ValueError: bytes that are no text; the message says the argument's name.
    """
    try:
        return argument.decode() if isinstance(argument, bytes) else argument
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is {argument!r}, not text in UTF-8") from error
