"""OpenOccupancy-nuScenes: nuScenes key frames in the LiDAR's frame, 0.2 m voxels, no masks.

::

    nuscenes/                                   as for Occ3D; tables, or info files that name LiDAR tokens
    nuScenes-Occupancy-v0.1/
        scene_<scene token>/occupancy/<LiDAR token>.npy     rows z, y, x, label of voxels that are not free

The ego frame of the benchmark is LIDAR_TOP (x right, y ahead, z up). The car's motion between the scan and each
picture is accounted for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxway.data.nuscenes.benchmark import OPENOCCUPANCY_NUSCENES
from voxway.data.nuscenes.frames import NuScenesConfig
from voxway.data.nuscenes.key_frame import KeyFrame
from voxway.data.nuscenes.labels import Order, openoccupancy_path, read_openoccupancy
from voxway.data.nuscenes.reader import Geometry, NuScenesReader
from voxway.data.surround import Truth


@dataclass(frozen=True, kw_only=True)
class OpenOccupancyConfig(NuScenesConfig):
    """Which key frames to read, and what of them."""

    labels: Path | None = None
    """Folder with scene_<scene token>/occupancy; None: `nuScenes-Occupancy-v0.1` below `root`."""
    flat_order: Order = "xyz"
    """Slowest to fastest axis in label files of flat indices (rows of two); rows of four need no such word."""
    sweeps: int | None = None
    """LiDAR scans before the key frame to add, at most. None: 9 in training and 10 elsewhere, as published."""
    depth_range_m: tuple[float, float] = (1.0, 60.0)
    """Least depth in depth images, and the one from which on points are left out; the networks' depth bins."""

    def build(self) -> OpenOccupancy:
        """The reader.

        Raises:
            InputError: an unknown need, no records of key frames, or frames missing from the split.
        """
        return OpenOccupancy(self)


class OpenOccupancy(NuScenesReader):
    """Samples of OpenOccupancy-nuScenes by position or by sample token."""

    benchmark = OPENOCCUPANCY_NUSCENES

    def __init__(self, config: OpenOccupancyConfig) -> None:
        self.config = config
        sweeps = config.sweeps if config.sweeps is not None else 9 if config.split == "train" else 10
        super().__init__(config, sweeps, config.depth_range_m)

    def label_path(self, frame: KeyFrame) -> Path:
        """Where the labels of a key frame lie.

        Raises:
            InputError: the info file does not name the LiDAR scan.
        """
        folder = self.config.labels or Path(self.config.root) / "nuScenes-Occupancy-v0.1"
        return openoccupancy_path(Path(folder), frame)

    def _labels(self, frame: KeyFrame) -> Truth:
        return Truth(target=read_openoccupancy(self.label_path(frame), self.config.flat_order), masks={})

    def _geometry(self, frame: KeyFrame) -> Geometry:
        T_lidar_cam = np.stack([camera.T_lidar_cam for camera in frame.cameras.values()])
        return Geometry(
            T_ego_cam=T_lidar_cam,
            T_depth_cam=T_lidar_cam,
            T_ego_lidar=None,
            T_world_ego=frame.T_world_ego @ frame.T_ego_lidar,
        )
