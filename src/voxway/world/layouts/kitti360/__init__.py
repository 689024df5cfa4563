"""Synthetic worlds in SSCBench-KITTI-360's layout."""

from voxway.world.layouts.kitti360.config import KITTI360WorldConfig, kitti360_world

__all__ = ["KITTI360WorldConfig", "kitti360_world"]
