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

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.nuscenes.frames import NuScenesConfig
from voxway.data.nuscenes.key_frame import CAMERAS, KeyFrame
from voxway.data.nuscenes.labels import occ3d_path, read_occ3d
from voxway.data.nuscenes.points import camera_ego_from_lidar
from voxway.data.nuscenes.reader import Geometry, NuScenesReader
from voxway.data.surround import Truth


@dataclass(frozen=True, kw_only=True)
class Occ3DNuScenesConfig(NuScenesConfig):
    """Which key frames to read, and what of them."""

    labels: Path | None = None
    """Folder with <scene name>/<sample token>/labels.npz; None: `gts` below `root`."""
    sweeps: int = 9
    """LiDAR scans before the key frame to add, at most."""
    depth_range_m: tuple[float, float] = (1.0, 45.0)
    """Least depth in depth images, and the one from which on points are left out."""
    points_ego: Literal["cam_front", "lidar"] = "cam_front"
    """Time of the ego frame that points are in: of CAM_FRONT's picture, multiplied in float32, as published; or of the
    LiDAR scan, which is the labels'."""
    cameras_ego: Literal["cam_front_left", "lidar"] = "cam_front_left"
    """Time of the ego frame that cameras are in: of CAM_FRONT_LEFT's picture, as published; or of the LiDAR scan."""
    depth_motion: Literal["ignored", "compensated"] = "ignored"
    """Whether depth images account for the car's motion between the points' time and each picture's. Published: not."""

    def build(self) -> Occ3DNuScenes:
        """The reader.

        Raises:
            InputError: an unknown need, no records of key frames, or frames missing from the split.
        """
        return Occ3DNuScenes(self)


class Occ3DNuScenes(NuScenesReader):
    """Samples of Occ3D-nuScenes by position or by sample token, with masks "lidar" and "camera"."""

    benchmark = OCC3D_NUSCENES
    mask_names = ("lidar", "camera")

    def __init__(self, config: Occ3DNuScenesConfig) -> None:
        self.config = config
        super().__init__(config, config.sweeps, config.depth_range_m)

    def label_path(self, frame: KeyFrame) -> Path:
        """Where the labels of a key frame lie."""
        return occ3d_path(Path(self.config.labels or Path(self.config.root) / "gts"), frame)

    def _labels(self, frame: KeyFrame) -> Truth:
        target, masks = read_occ3d(self.label_path(frame))
        return Truth(target=target, masks=masks)

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
