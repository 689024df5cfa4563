"""MonoOcc: monocular semantic occupancy prediction (ICRA 2024, arXiv 2403.08766)."""

from voxway.methods.monoocc.model import CLASS_WEIGHTS, MONOOCC_L, MONOOCC_S, MonoOcc, MonoOccConfig

__all__ = ["CLASS_WEIGHTS", "MONOOCC_L", "MONOOCC_S", "MonoOcc", "MonoOccConfig"]
