"""MonoOcc: monocular semantic occupancy prediction (ICRA 2024, arXiv 2403.08766)."""

from voxway.methods.monoocc.model import MonoOcc, MonoOccConfig

__all__ = ["MonoOcc", "MonoOccConfig"]
