"""Clips whose values are not those of standard dynamic range (SDR): HDR and linear light.

The network knows SDR. So what it sees of such a clip is its light as SDR has it, by the curve of
ITU-R BT.1886; white of SDR is 1, and highlights beyond it stay beyond 1.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
import vapoursynth as vs
from torch import Tensor

_PROPERTY = "_Transfer"

_SDR_GAMMA = 2.4

_PQ_WHITE = 203 / 10000
"""White of SDR, as a part of PQ's brightest (ITU-R BT.2408, section 2.2)."""

_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32

_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_HLG_GAMMA = 1.2
"""From the light before the camera to that of the screen; of each channel by itself, here."""


class _Curve(NamedTuple):
    """From a clip's values to light, and back; both for values from 0."""

    light: Callable[[Tensor], Tensor]
    values: Callable[[Tensor], Tensor]


def transfer_of(props: Mapping[str, Any]) -> int | None:
    """The transfer characteristics of a frame, a code of vs.TransferCharacteristics, if they are
    other than those of SDR; else None."""
    code = props.get(_PROPERTY)
    return code if isinstance(code, int) and code in _CURVES else None


def to_sdr(values: Tensor, transfer: int | None) -> Tensor:
    """RGB of a clip as SDR has it.

    Args:
        values: of any shape; usually in [0, 1], but values below 0 and highlights are welcome.
        transfer: see `transfer_of`; None: values are returned as they are.
    """
    if transfer is None:
        return values
    return _mirrored(lambda x: _CURVES[transfer].light(x) ** (1 / _SDR_GAMMA), values)


def from_sdr(values: Tensor, transfer: int | None) -> Tensor:
    """The inverse of `to_sdr`."""
    if transfer is None:
        return values
    return _mirrored(lambda x: _CURVES[transfer].values(x**_SDR_GAMMA), values)


def _mirrored(curve: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """The curve, for negative values mirrored at 0."""
    return curve(values.abs()).copysign(values)


def _pq_light(values: Tensor) -> Tensor:
    root = values.clamp(max=1) ** (1 / _PQ_M2)  # beyond the brightest it has a pole
    brightness = ((root - _PQ_C1).clamp(min=0) / (_PQ_C2 - _PQ_C3 * root)) ** (1 / _PQ_M1)
    return brightness / _PQ_WHITE


def _pq_values(light: Tensor) -> Tensor:
    root = (light * _PQ_WHITE) ** _PQ_M1
    return ((_PQ_C1 + _PQ_C2 * root) / (1 + _PQ_C3 * root)) ** _PQ_M2


def _hlg_scene(values: Tensor) -> Tensor:
    bright = (((values - _HLG_C) / _HLG_A).exp() + _HLG_B) / 12
    return torch.where(values <= 0.5, values.square() / 3, bright)


_HLG_WHITE = float(_hlg_scene(torch.tensor(0.75, dtype=torch.float64)))
"""Light of white of SDR (ITU-R BT.2408, section 2.2)."""


def _hlg_light(values: Tensor) -> Tensor:
    return (_hlg_scene(values) / _HLG_WHITE) ** _HLG_GAMMA


def _hlg_values(light: Tensor) -> Tensor:
    scene = light ** (1 / _HLG_GAMMA) * _HLG_WHITE
    bright = _HLG_A * (12 * scene - _HLG_B).clamp(min=1e-6).log() + _HLG_C
    return torch.where(scene <= 1 / 12, (3 * scene).sqrt(), bright)


_CURVES = {
    int(vs.TRANSFER_LINEAR): _Curve(lambda values: values, lambda light: light),
    int(vs.TRANSFER_ST2084): _Curve(_pq_light, _pq_values),
    int(vs.TRANSFER_ARIB_B67): _Curve(_hlg_light, _hlg_values),
}
