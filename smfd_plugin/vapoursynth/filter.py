"""`deblur`: what core.smfd.Deblur does, for use from Python."""

from functools import cache
from pathlib import Path

import vapoursynth as vs

from smfd_plugin.restore import make_detector, pick_device
from smfd_plugin.restore.detect import DEFAULT_THRESHOLD
from smfd_plugin.vapoursynth.colour import Colour, colour_of
from smfd_plugin.vapoursynth.frames import WEIGHT_PROPERTY, FaceRestorer
from smfd_plugin.weights import load_network

_FAMILIES = (vs.RGB, vs.YUV, vs.GRAY)
_PREFIX = "smfd.Deblur: "


def deblur(
    clip: vs.VideoNode,
    weights: str | None = None,
    strength: float = 1.0,
    device: str = "auto",
    half: bool = False,
    detector: str = "auto",
    threshold: float = DEFAULT_THRESHOLD,
) -> vs.VideoNode:
    """Deblurs the faces of a clip, frame by frame.

    Only the neighbourhood of faces changes: everywhere else the output has the very samples of the
    input, since restored faces are merged in the clip's own format.

    Args:
        clip: RGB, YUV or Gray of constant format and size, 8 to 16 bit integer or 32 bit float.
            Matrix, range and chroma location come from the frame properties; a missing matrix is
            BT.709 from 720 lines on, else BT.601.
        weights: path or name of weights; default: the shipped ones.
        strength: how much of the restored face to blend in, 0 (the clip itself) to 1.
        device: "auto" (the GPU if there is one), "cpu", "cuda" or "cuda:N".
        half: compute in 16 bits where the device is faster so.
        detector: "auto", "retinaface" or "tiny".
        threshold: score from which a detection counts as a face, 0 to 1.

    Returns:
        A clip of the same format, size, length and frame properties.

    Raises:
        vapoursynth.Error: an argument that does not fit; the message begins "smfd.Deblur:".
    """
    try:
        _check(clip, strength, threshold)
        if strength == 0:
            return clip
        place = pick_device(_text(device))
        net = load_network(Path(_text(weights)) if weights else None).to(place)
        detect = make_detector(_text(detector), place, threshold)
    except (ValueError, OSError) as error:
        raise vs.Error(_PREFIX + str(error).removeprefix(_PREFIX)) from error

    restorer = FaceRestorer(net, detect, bool(half))

    @cache
    def restored(colour: Colour) -> vs.VideoNode:
        return _restore(clip, colour, restorer, strength)

    # Frame properties may change within a clip, so each frame picks the conversion it asks for.
    return clip.std.FrameEval(lambda n, f: restored(colour_of(f)), prop_src=clip)


def _restore(
    clip: vs.VideoNode, colour: Colour, restorer: FaceRestorer, strength: float
) -> vs.VideoNode:
    """To RGB, faces restored, back, and merged by weight in the clip's own format.

    What is merged is the change between RGB before and after, so that the conversion itself, which
    loses a little chroma where it is subsampled, does not show.
    """
    rgb = colour.to_rgb(clip)
    faces = rgb.std.ModifyFrame(rgb, restorer)
    # Not std.PropToClip, which would restore the first frame already when the script is read.
    blank = clip.std.BlankClip(format=vs.GRAYS, keep=True)
    weight = blank.std.ModifyFrame([blank, faces], lambda n, f: f[1].props[WEIGHT_PROPERTY])
    before, after = (colour.from_rgb(each, clip.format) for each in (rgb, faces))
    sharp = vs.core.std.Expr([clip, after, before], "x y + z -")
    mask = weight.std.Expr(f"x {strength} *").resize.Point(
        format=clip.format.replace(color_family=vs.GRAY, subsampling_w=0, subsampling_h=0).id,
        range_in_s="full",
        range_s="full",
    )
    return clip.std.MaskedMerge(sharp, mask, first_plane=True)


def _check(clip: vs.VideoNode, strength: float, threshold: float) -> None:
    """Raises ValueError for what no frame could be made of."""
    if clip.format is None or not clip.width:
        raise ValueError("the clip's format and size must not change; convert it first")
    form = clip.format
    if form.color_family not in _FAMILIES or form.bits_per_sample not in (*range(8, 17), 32):
        raise ValueError(f"format {form.name} is not supported; use RGB, YUV or Gray, 8 to 16 bit")
    if form.sample_type == vs.FLOAT and form.bits_per_sample == 16:
        raise ValueError(f"format {form.name} is not supported; use 32 bit float")
    if form.sample_type == vs.INTEGER and form.bits_per_sample == 32:
        raise ValueError(f"format {form.name} is not supported; use at most 16 bit")
    for name, value in (("strength", strength), ("threshold", threshold)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; it can be 0 to 1")


def _text(argument: str | bytes) -> str:
    """VapourSynth hands text over as bytes where a script did not mark it as UTF-8."""
    return argument.decode() if isinstance(argument, bytes) else argument
