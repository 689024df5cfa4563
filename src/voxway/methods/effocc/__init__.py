"""EFFOcc: fusion networks that learn from few labels and teach camera networks (arXiv 2406.07042); with FlashOcc."""

from voxway.methods.effocc.model import EffOcc, EffOccConfig

__all__ = ["EffOcc", "EffOccConfig"]
