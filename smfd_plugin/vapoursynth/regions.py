"""The part of each frame that shows its faces, in RGB: to convert the rest would be wasted."""

from functools import lru_cache

import vapoursynth as vs

from smfd_plugin.restore.align import Box
from smfd_plugin.vapoursynth.parts import PLACES, surroundings
from smfd_plugin.vapoursynth.properties import BOX, read_faces


def face_regions(clip: vs.VideoNode, found: vs.VideoNode, faces: vs.VideoNode) -> vs.VideoNode:
    """RGBS frames of the part around all faces, which their property BOX names.

    Args:
        clip: as `colour.describe` returns it.
        found: from `detection.find_faces`.
        faces: from `detection.steady`.

    Returns:
        A clip of variable size; frames without faces are blank.
    """
    blank = faces.std.BlankClip(format=vs.RGBS, varsize=True, keep=True)

    @lru_cache(PLACES)
    def part(box: Box) -> vs.VideoNode:
        left, top, right, bottom = box
        cropped = clip.std.CropAbs(right - left, bottom - top, left, top)
        return cropped.resize.Bicubic(format=vs.RGBS).std.SetFrameProps(**{BOX: box})

    def choose(n: int, f: list[vs.VideoFrame]) -> vs.VideoNode:
        detections = [face.detection for frame in f for face in read_faces(frame.props)]
        box = surroundings(detections, (clip.height, clip.width))
        return part(box) if box else blank

    return blank.std.FrameEval(choose, prop_src=[found, faces], clip_src=[clip, blank])
