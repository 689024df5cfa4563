"""nuScenes key frames with Occ3D's or OpenOccupancy's voxels: files, readers, checks."""

from voxway.data.nuscenes.infos import write_infos
from voxway.data.nuscenes.occ3d import Occ3DNuScenes, Occ3DNuScenesConfig
from voxway.data.nuscenes.openoccupancy import OpenOccupancy, OpenOccupancyConfig

__all__ = ["Occ3DNuScenes", "Occ3DNuScenesConfig", "OpenOccupancy", "OpenOccupancyConfig", "write_infos"]
