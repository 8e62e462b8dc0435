"""Clips as seen from frames before and after."""

import vapoursynth as vs


def window(clip: vs.VideoNode, radius: int) -> list[vs.VideoNode]:
    """The clip as seen from `radius` frames before to as many after each frame."""
    return [shift(clip, by) for by in range(-radius, radius + 1)]


def shift(clip: vs.VideoNode, by: int) -> vs.VideoNode:
    """Frame n of the result is frame n + by of the clip, where there is one."""
    by = max(-clip.num_frames, min(by, clip.num_frames))
    if by == 0:
        return clip
    width, height = (clip.width, clip.height) if clip.width else (1, 1)
    padding = clip.std.BlankClip(width, height, length=abs(by), varsize=not clip.width, keep=True)
    kept = clip.num_frames - abs(by)
    if not kept:
        return padding
    return clip[by:] + padding if by > 0 else padding + clip[:by]


def cached(clip: vs.VideoNode, frames: int) -> vs.VideoNode:
    """The clip, of which VapourSynth keeps that many frames."""
    vs.core.std.SetVideoCache(clip, mode=1, fixedsize=1, maxsize=frames)
    return clip
