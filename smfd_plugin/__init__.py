"""SMFD-UNet face deblurring for BasicSR and VapourSynth.

Importing the package registers its networks, data set, losses, metrics and models with BasicSR.
"""

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime, which detects faces, keeps events for its maker unless this is set before it loads.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from smfd_plugin import compat

compat.apply()  # before anything below imports BasicSR

from smfd_plugin import archs, data, losses, metrics, models  # noqa: E402

if TYPE_CHECKING:
    from smfd_plugin.restore import FaceDeblurrer

__all__ = ["FaceDeblurrer", "archs", "data", "losses", "metrics", "models"]


def __getattr__(name: str) -> Any:
    """Loads FaceDeblurrer when it is first asked for: training has no use for a face detector."""
    if name == "FaceDeblurrer":
        from smfd_plugin.restore import FaceDeblurrer

        return FaceDeblurrer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
