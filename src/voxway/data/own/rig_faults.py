"""What sensors on a vehicle cannot be: named by the mistake that was made, where another reading of the file fits.

Each fault comes with the place in the file that it is about.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.core.faults import Fault
from voxway.core.geometry_faults import intrinsics_fault, offset_fault, view_fault
from voxway.core.pixels import scale_pixels
from voxway.data.checks.pictures import check_principal_point
from voxway.data.own.rig import CameraEntry, LidarEntry, RigFile
from voxway.data.own.sensor_pose import readings

VEHICLE_M = 20.0
"""A lorry's length: farthest that a sensor stands from the ego frame's origin."""
_STEEPEST = 0.87
"""Sine of 60 degrees: how steeply a camera may look down at the road."""
_POSE = "Give the sensor's pose in the ego frame (x ahead, y left, z up, metres): the matrix that maps its coordinates."


def rig_faults(rig: RigFile) -> Iterator[InputError]:
    """All that is impossible about a rig, without looking at a recording."""
    for camera in rig.cameras:
        if (wrong := intrinsics_fault(camera.K)) is not None:
            yield wrong.error(rig.path, f"{camera.place}.K", "Give K in pixels: fx fy cx cy, or row by row.")
        else:
            yield from _principal_point(rig, camera)
    for sensor in rig.sensors.values():
        wrong = pose_fault(rig, sensor)
        if wrong is not None:
            yield wrong.error(rig.path, f"{sensor.place}.pose", _POSE)


def pose_fault(rig: RigFile, sensor: CameraEntry | LidarEntry) -> Fault | None:
    """Whether a sensor stands or looks as none does, and what the file may have meant."""
    T = rig.T_ego(sensor.name)
    wrong = _fault(T, sensor, rig.ego_height_m)
    if wrong is None or sensor.pose.parent not in (None, rig.ego):
        return wrong
    for mistake, meant in readings(sensor.pose).items():
        if _fault(meant, sensor, rig.ego_height_m) is None:
            plain = wrong.found.split(";")[0]
            return Fault(wrong.expected, f"{plain}; it fits if {mistake}", wrong.remedy or _POSE)
    return wrong


def _fault(T: Float64[np.ndarray, "4 4"], sensor: CameraEntry | LidarEntry, ego_height_m: float) -> Fault | None:
    wrong = offset_fault(T[:3, 3], VEHICLE_M)
    if isinstance(sensor, CameraEntry):  # LiDARs hang upside down or lie on their sides at will
        wrong = wrong or view_fault(T, _STEEPEST)
    if wrong is not None:
        return wrong
    height = ego_height_m + float(T[2, 3])
    if height > 0:
        return None
    expected = "a sensor above the road"
    return Fault(expected, f"one {-height:.2f} m below it, by its pose and ego_height_m {ego_height_m:g}")


def _principal_point(rig: RigFile, camera: CameraEntry) -> Iterator[InputError]:
    try:
        check_principal_point(rig.path, camera.size_px, camera.K, least_row=0.0)  # pictures may be cropped
    except InputError as error:
        (height, width), (cx, cy) = camera.size_px, camera.K[:2, 2]
        yield InputError(
            file=rig.path,
            field=f"{camera.place}.K",
            expected=f"intrinsics of pictures of {width} x {height} px; {error.expected}",
            found=f"a principal point at ({cx:.0f}, {cy:.0f}) px and a focal length of {camera.K[0, 0]:.0f} px",
            remedy="If the pictures were resized, multiply fx and cx by new width / old width, fy and cy by heights.",
        )


def size_fault(camera: CameraEntry, size_px: tuple[int, int]) -> Fault | None:
    """Whether pictures are of another size than the camera's intrinsics are for.

    Args:
        camera: of the rig.
        size_px: (height, width) of a picture.
    """
    if size_px == camera.size_px:
        return None
    (height, width), (own_height, own_width) = size_px, camera.size_px
    across, down = width / own_width, height / own_height
    remedy = "Give width_px, height_px and K of the pictures as they lie there."
    if abs(across / down - 1) < 0.02:
        K = scale_pixels(across, down).numpy() @ camera.K
        numbers = ", ".join(f"{value:.2f}" for value in (K[0, 0], K[1, 1], K[0, 2], K[1, 2]))
        remedy = (
            f"If they were resized, set width_px {width}, height_px {height} and K to [{numbers}] (fx, fy, cx, cy)."
        )
    return Fault(f"{own_width} x {own_height} px, as the rig's file says", f"{width} x {height} px", remedy)
