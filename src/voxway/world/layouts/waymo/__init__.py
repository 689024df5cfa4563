"""Synthetic worlds in Waymo's layout."""

from voxway.world.layouts.waymo.config import WaymoWorldConfig, waymo_world

__all__ = ["WaymoWorldConfig", "waymo_world"]
