"""Occ3D-nuScenes: key frames in the vehicle's frame, 0.4 m voxels, masks of what LiDAR and cameras saw.

::

    nuscenes/
        samples/CAM_FRONT/*.jpg ... samples/LIDAR_TOP/*.pcd.bin     key frames
        sweeps/LIDAR_TOP/*.pcd.bin                                  scans between them
        gts/scene-0061/<sample token>/labels.npz                    semantics, mask_lidar, mask_camera; 200 x 200 x 16
        v1.0-trainval/*.json                                        tables, or
        bevdetv3-nuscenes_infos_train.pkl ..._val.pkl               info files, with `infos`

The published networks keep three ego frames apart that differ by up to 0.05 s of driving: points are in that of
CAM_FRONT's picture, cameras in that of CAM_FRONT_LEFT's, labels in that of the LiDAR scan. So does this reader, unless
told to put everything into the LiDAR scan's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from voxway.core.occupancy import Occupancy
from voxway.data.files.volumes import read_beside
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.nuscenes.key_frame import CAMERAS, KeyFrame
from voxway.data.nuscenes.labels import occ3d_path, read_occ3d
from voxway.data.nuscenes.points import camera_ego_from_lidar
from voxway.data.nuscenes.reader import Geometry, NuScenesReader


class Occ3DNuScenesReader(NuScenesReader):
    """Raw moments of Occ3D-nuScenes by sample token; truth comes with masks "lidar" and "camera"."""

    benchmark = OCC3D_NUSCENES
    mask_names = ("lidar", "camera")

    def __init__(self, config: Occ3DNuScenesConfig) -> None:
        self.config = config
        super().__init__(config, config.sweeps)

    def label_path(self, frame: KeyFrame) -> Path:
        """Where the labels of a key frame lie."""
        return occ3d_path(Path(self.config.labels or self.config.folder / "gts"), frame)

    def beside(self, key: str, name: str) -> np.ndarray:
        """See `voxway.data.reader.TruthBeside`: copies of the labels that name instances hold them in the same file."""
        return read_beside(self.label_path(self.key_frame(key)), name, self.benchmark)

    def _labels(self, frame: KeyFrame) -> Occupancy:
        classes, masks = read_occ3d(self.label_path(frame))
        return Occupancy(
            task=OCC3D_NUSCENES.task,
            classes=torch.from_numpy(classes),
            masks={name: torch.from_numpy(mask) for name, mask in masks.items()},
            key=frame.token,
        )

    def _geometry(self, frame: KeyFrame) -> Geometry:
        config, cameras = self.config, list(frame.cameras.values())
        T_ego_cam = np.stack([camera.T_ego_cam for camera in cameras])
        T_world_cam = np.stack([camera.T_world_ego for camera in cameras]) @ T_ego_cam
        left, front = frame.cameras[CAMERAS[0]].T_world_ego, frame.cameras["CAM_FRONT"].T_world_ego
        T_world_key = left if config.cameras_ego == "cam_front_left" else frame.T_world_ego
        T_points_lidar, T_world_points = frame.T_ego_lidar, frame.T_world_ego
        if config.points_ego == "cam_front":
            T_points_lidar, T_world_points = camera_ego_from_lidar(T_points_lidar, frame.T_world_ego, front), front
        compensated = np.linalg.inv(T_world_points) @ T_world_cam
        return Geometry(
            T_ego_cam=np.linalg.inv(T_world_key) @ T_world_cam,
            T_depth_cam=compensated if config.depth_motion == "compensated" else T_ego_cam,
            T_ego_lidar=T_points_lidar,
            T_world_ego=frame.T_world_ego,
        )
