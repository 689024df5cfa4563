"""KITTI's car: a stereo pair and a 64-beam LiDAR. The vehicle frame stands on the ground below the LiDAR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from voxway.world.sensors.camera import Camera
from voxway.world.sensors.lidar import Lidar
from voxway.world.sensors.rig import image_scale

KITTI_SIZE_PX = (370, 1226)
"""Height and width of images of SemanticKITTI's sequences 04 to 10."""
# Calibration of the same sequences (calib.txt of KITTI odometry, recorded on 2011-09-30).
_KITTI_K = np.array([[707.0912, 0, 601.8873], [0, 707.0912, 183.1104], [0, 0, 1]])
_KITTI_OFFSET_2 = np.array([46.88783, 0.1178601, 0.006203223])
_KITTI_OFFSET_3 = np.array([-333.4597, 1.930130, 0.003318498])
_KITTI_T_CAM_VELO = np.array(
    [
        [-1.857739385241e-03, -9.999659513510e-01, -8.039975204516e-03, -4.784029760483e-03],
        [-6.481465826011e-03, 8.051860151134e-03, -9.999466081774e-01, -7.337429464231e-02],
        [9.999773098287e-01, -1.805528627661e-03, -6.496203536139e-03, -3.339968064433e-01],
        [0, 0, 0, 1],
    ]
)
_KITTI_LIDAR_HEIGHT = 1.73


@dataclass(frozen=True, kw_only=True)
class KittiRig:
    """KITTI's car: a stereo pair of colour cameras and a 64-beam LiDAR on the roof."""

    P2: Float[np.ndarray, "3 4"]
    """Camera 0 (metres) to homogeneous pixels of the left colour camera."""
    P3: Float[np.ndarray, "3 4"]
    """The same of the right one."""
    T_cam_velo: Float[np.ndarray, "4 4"]
    """LiDAR to camera 0, metres."""
    left: Camera
    right: Camera
    lidar: Lidar


def kitti_rig(size_px: tuple[int, int] = KITTI_SIZE_PX, columns: int = 2048) -> KittiRig:
    """KITTI's car with images scaled to `size_px` (height, width) and `columns` LiDAR shots per turn."""
    T_cam_velo = _KITTI_T_CAM_VELO.copy()
    # Tr is printed with too few digits to be orthogonal to double precision.
    u, _, vt = np.linalg.svd(T_cam_velo[:3, :3])
    T_cam_velo[:3, :3] = u @ vt
    T_vehicle_velo = np.eye(4)
    T_vehicle_velo[2, 3] = _KITTI_LIDAR_HEIGHT
    T_vehicle_cam0 = T_vehicle_velo @ np.linalg.inv(T_cam_velo)
    scale = image_scale(KITTI_SIZE_PX, size_px)
    P2, P3 = (scale @ np.column_stack([_KITTI_K, offset]) for offset in (_KITTI_OFFSET_2, _KITTI_OFFSET_3))

    def camera(P: np.ndarray) -> Camera:
        T_cam_cam0 = np.eye(4)
        T_cam_cam0[:3, 3] = np.linalg.solve(P[:, :3], P[:, 3])
        return Camera(K=P[:, :3], T_vehicle_cam=T_vehicle_cam0 @ np.linalg.inv(T_cam_cam0), size_px=size_px)

    # HDL-64E: 32 upper beams a third of a degree apart, 32 lower ones half a degree.
    elevation = np.radians(np.concatenate([np.linspace(2.0, -8.33, 32), np.linspace(-8.83, -24.8, 32)]))
    lidar = Lidar(elevation=elevation, columns=columns, T_vehicle_lidar=T_vehicle_velo)
    return KittiRig(P2=P2, P3=P3, T_cam_velo=T_cam_velo, left=camera(P2), right=camera(P3), lidar=lidar)
