"""How videos can be written."""

CODECS = {
    "h264": ("libx264", 16),
    "h265": ("libx265", 18),
    "av1": ("libsvtav1", 24),
    "prores": ("prores_ks", None),
    "ffv1": ("ffv1", None),
}
"""ffmpeg's encoder and the default quality of each codec; the last two have none to choose."""
