"""The VapourSynth filter: core.smfd.Deblur in any script, `deblur` in Python."""

from typing import Any

import vapoursynth as vs

from smfd_plugin.vapoursynth.filter import deblur

__all__ = ["deblur", "offer_deblur"]


def offer_deblur() -> None:
    """Hands `deblur` to the compiled plugin, which calls this for every core.smfd.Deblur."""
    vs.core.smfd.Offer(_deblur_or_message)


def _deblur_or_message(**arguments: Any) -> vs.VideoNode | str:
    """An error as text, which the plugin reports without the traceback VapourSynth would add."""
    try:
        return deblur(**arguments)
    except vs.Error as error:
        return str(error)
