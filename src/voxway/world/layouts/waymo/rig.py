"""Waymo's car: five cameras of two image sizes and a 64-beam LiDAR. The vehicle frame stands on the ground.

The numbers are of the order of the published calibrations (one segment was looked at), rounded; lenses do not distort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxway.world.sensors.camera import Camera
from voxway.world.sensors.lidar import Lidar
from voxway.world.sensors.rig import mounted, scaled_intrinsics

FRONT_PX, SIDE_PX = (1280, 1920), (886, 1920)
"""Height and width of the images of the three front cameras, and of the two side cameras."""
# Yaw and pitch (upwards) in degrees; x, y, z in metres; focal length, cx, cy in pixels; size of the image.
_CAMERAS = (
    (0.2, -0.1, (1.54, -0.02, 2.12), (2045.0, 950.0, 633.0), FRONT_PX),
    (44.2, -1.1, (1.49, 0.09, 2.12), (2056.0, 954.0, 646.0), FRONT_PX),
    (-44.6, -0.5, (1.49, -0.09, 2.12), (2046.0, 960.0, 646.0), FRONT_PX),
    (89.2, -1.4, (1.43, 0.11, 2.12), (2054.0, 968.0, 247.0), SIDE_PX),
    (-90.1, 0.0, (1.43, -0.11, 2.12), (2064.0, 962.0, 241.0), SIDE_PX),
)


@dataclass(frozen=True, kw_only=True)
class WaymoRig:
    """What Waymo's car carries: cameras front, front left, front right, side left, side right; the LiDAR on top."""

    cameras: tuple[Camera, ...]
    lidar: Lidar


def waymo_rig(width_px: int = FRONT_PX[1], columns: int = 2650) -> WaymoRig:
    """Waymo's car with images `width_px` wide and `columns` LiDAR shots per turn (2650 in the dataset)."""
    scale = width_px / FRONT_PX[1]
    cameras = tuple(
        Camera(
            K=scaled_intrinsics((focal, focal, cx, cy), full, (round(full[0] * scale), width_px)),
            T_vehicle_cam=mounted(yaw, pitch, position),
            size_px=(round(full[0] * scale), width_px),
        )
        for yaw, pitch, position, (focal, cx, cy), full in _CAMERAS
    )
    T_vehicle_lidar = np.eye(4)
    T_vehicle_lidar[:3, 3] = (1.43, 0.0, 2.18)
    # The beams lie closer together about the horizon than below.
    share = np.linspace(0, 1, 64)
    elevation = np.radians(2.4 - 20.0 * (0.55 * share + 0.45 * share**2))
    lidar = Lidar(elevation=elevation, columns=columns, T_vehicle_lidar=T_vehicle_lidar, reach=75.0)
    return WaymoRig(cameras=cameras, lidar=lidar)
