"""One small network for any rig: pictures of any number of cameras, LiDAR, or both."""

from voxway.methods.box.config import BoxConfig

__all__ = ["BoxConfig"]
