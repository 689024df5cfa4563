"""KITTI-360's car: a rectified pair and a 64-beam LiDAR. The vehicle frame stands on the ground below the LiDAR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voxway.data.kitti360.calibration import Calibration, constants
from voxway.world.sensors.camera import Camera
from voxway.world.sensors.lidar import Lidar
from voxway.world.sensors.rig import image_scale

SIZE_PX = (376, 1408)
"""Height and width of the pictures."""
_LIDAR_HEIGHT = 1.73


@dataclass(frozen=True, kw_only=True)
class KITTI360Rig:
    """What the car carries."""

    calibration: Calibration
    """Of pictures of the rig's own size."""
    left: Camera
    right: Camera
    lidar: Lidar


def kitti360_rig(size_px: tuple[int, int] = SIZE_PX, columns: int = 2048) -> KITTI360Rig:
    """The car with images scaled to `size_px` (height, width) and `columns` LiDAR shots per turn."""
    known = constants()
    T_cam_velo = known.T_cam_velo.copy()
    # Printed with too few digits to be orthogonal to double precision.
    u, _, vt = np.linalg.svd(T_cam_velo[:3, :3])
    T_cam_velo[:3, :3] = u @ vt
    T_vehicle_velo = np.eye(4)
    T_vehicle_velo[2, 3] = _LIDAR_HEIGHT
    projections = np.stack([image_scale(SIZE_PX, size_px) @ P for P in known.projections])

    def camera(P: np.ndarray) -> Camera:
        T_cam_left = np.eye(4)
        T_cam_left[:3, 3] = np.linalg.solve(P[:, :3], P[:, 3])
        T_vehicle_left = T_vehicle_velo @ np.linalg.inv(T_cam_velo)
        return Camera(K=P[:, :3], T_vehicle_cam=T_vehicle_left @ np.linalg.inv(T_cam_left), size_px=size_px)

    elevation = np.radians(np.concatenate([np.linspace(2.0, -8.33, 32), np.linspace(-8.83, -24.8, 32)]))
    return KITTI360Rig(
        calibration=Calibration(projections, T_cam_velo),
        left=camera(projections[0]),
        right=camera(projections[1]),
        lidar=Lidar(elevation=elevation, columns=columns, T_vehicle_lidar=T_vehicle_velo),
    )
