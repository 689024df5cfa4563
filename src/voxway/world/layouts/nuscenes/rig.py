"""The nuScenes car: a ring of six cameras and a 32-beam LiDAR. Its ego frame stands on the ground below the rear axle.

The numbers are of the order of the published calibrations (two logs were looked at), rounded. Poses of the sensors
are those in the ego frame; the LiDAR's own axes are x right, y forward, z up, as in the dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from voxway.world.sensors.camera import Camera
from voxway.world.sensors.lidar import Lidar
from voxway.world.sensors.rig import mounted, scaled_intrinsics

SIZE_PX = (900, 1600)
"""Height and width of the images."""
# Yaw and pitch (upwards) of the optical axis in degrees; x, y, z in metres; focal length, cx, cy in pixels; and
# seconds between the picture and the LiDAR's time stamp: a camera is triggered when the LiDAR sweeps past it.
_CAMERAS = {
    "CAM_FRONT": (0.3, -0.3, (1.70, 0.02, 1.51), (1266.0, 816.0, 491.0), -0.0355),
    "CAM_FRONT_RIGHT": (-56.4, -0.8, (1.55, -0.49, 1.50), (1261.0, 808.0, 495.0), -0.0276),
    "CAM_BACK_RIGHT": (-110.8, -0.9, (1.01, -0.48, 1.56), (1259.0, 807.0, 501.0), -0.0201),
    "CAM_BACK": (179.9, 1.0, (0.03, 0.00, 1.58), (809.0, 829.0, 482.0), -0.0104),
    "CAM_BACK_LEFT": (108.6, -0.9, (1.04, 0.48, 1.59), (1257.0, 792.0, 493.0), -0.0005),
    "CAM_FRONT_LEFT": (55.2, 0.1, (1.52, 0.49, 1.51), (1273.0, 827.0, 480.0), -0.0431),
}
DELAY = MappingProxyType({name: row[-1] for name, row in _CAMERAS.items()})
"""Seconds from the LiDAR's time stamp to a camera's; never positive."""
_LIDAR_PLACE = (0.94, 0.0, 1.84)
_LIDAR_TILT = np.radians(1.4)
"""The LiDAR leans forward by so much."""


@dataclass(frozen=True, kw_only=True)
class NuScenesRig:
    """What the nuScenes car carries, by channel name."""

    cameras: Mapping[str, Camera]
    lidar: Lidar


def nuscenes_rig(width_px: int = SIZE_PX[1], columns: int = 1084) -> NuScenesRig:
    """The nuScenes car with images `width_px` wide and `columns` LiDAR shots per turn (about 1084 in the dataset)."""
    size_px = (round(SIZE_PX[0] * width_px / SIZE_PX[1]), width_px)
    cameras = {
        name: Camera(
            K=scaled_intrinsics((focal, focal, cx, cy), SIZE_PX, size_px),
            T_vehicle_cam=mounted(yaw, pitch, position),
            size_px=size_px,
        )
        for name, (yaw, pitch, position, (focal, cx, cy), _) in _CAMERAS.items()
    }
    # HDL-32E: 32 beams, four thirds of a degree apart.
    elevation = np.radians(np.linspace(10.67, -30.67, 32))
    lidar = Lidar(elevation=elevation, columns=columns, T_vehicle_lidar=_lidar_pose(), reach=100.0)
    return NuScenesRig(cameras=cameras, lidar=lidar)


def _lidar_pose() -> Float[np.ndarray, "4 4"]:
    cos, sin = np.cos(_LIDAR_TILT), np.sin(_LIDAR_TILT)
    T_ego_lidar = np.eye(4)
    # Columns are the LiDAR's axes in the ego frame: right, forward and a little down, up and a little forward.
    T_ego_lidar[:3, :3] = np.array([[0, cos, sin], [-1, 0, 0], [0, -sin, cos]])
    T_ego_lidar[:3, 3] = _LIDAR_PLACE
    return T_ego_lidar
