"""OpenOccupancy-nuScenes: nuScenes key frames in the LiDAR's frame, 0.2 m voxels, no masks.

::

    nuscenes/                                   as for Occ3D; tables, or info files that name LiDAR tokens
    nuScenes-Occupancy-v0.1/
        scene_<scene token>/occupancy/<LiDAR token>.npy     rows z, y, x, label of voxels that are not free

The ego frame of the benchmark is LIDAR_TOP (x right, y ahead, z up). The car's motion between the scan and each
picture is accounted for.
"""

from __future__ import annotations

from pathlib import Path

import torch

from voxway.core.occupancy import Occupancy
from voxway.data.nuscenes.benchmark import OPENOCCUPANCY_NUSCENES
from voxway.data.nuscenes.config import OpenOccupancyConfig
from voxway.data.nuscenes.key_frame import KeyFrame
from voxway.data.nuscenes.labels import openoccupancy_path, read_openoccupancy
from voxway.data.nuscenes.reader import Geometry, NuScenesReader, lidar_geometry


class OpenOccupancyReader(NuScenesReader):
    """Raw moments of OpenOccupancy-nuScenes by sample token."""

    benchmark = OPENOCCUPANCY_NUSCENES
    ego_is_lidar = True

    def __init__(self, config: OpenOccupancyConfig) -> None:
        self.config = config
        sweeps = config.sweeps if config.sweeps is not None else 9 if config.split == "train" else 10
        super().__init__(config, sweeps)

    def label_path(self, frame: KeyFrame) -> Path:
        """Where the labels of a key frame lie.

        Raises:
            InputError: the info file does not name the LiDAR scan.
        """
        folder = self.config.labels or self.config.folder / "nuScenes-Occupancy-v0.1"
        return openoccupancy_path(Path(folder), frame)

    def _labels(self, frame: KeyFrame) -> Occupancy:
        classes = read_openoccupancy(self.label_path(frame), self.config.flat_order)
        return Occupancy(task=OPENOCCUPANCY_NUSCENES.task, classes=torch.from_numpy(classes), key=frame.token)

    def _geometry(self, frame: KeyFrame) -> Geometry:
        return lidar_geometry(frame)
