"""Synthetic worlds in nuScenes' layout."""

from voxway.world.layouts.nuscenes.config import NuScenesWorldConfig, nuscenes_world

__all__ = ["NuScenesWorldConfig", "nuscenes_world"]
