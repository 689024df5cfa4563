"""OccLE: label-efficient occupancy from images and LiDAR, as far as it is known."""

from voxway.methods.occle.config import OccLEConfig

__all__ = ["OccLEConfig"]
