"""What the geometry of a key frame cannot be: sensors off the car, lying on their side, or looking where they do not.

A record tells where a camera is in two ways, by poses of the car and by the way to the LiDAR: they must agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from voxway.core.faults import Fault
from voxway.core.geometry_faults import CAR_M, FASTEST_M_S, offset_fault, upright_fault, view_fault

if TYPE_CHECKING:
    from voxway.data.nuscenes.key_frame import CameraFrame, KeyFrame

_APART_M, _TURNED_RAD = 2.0, 0.35
"""How far the two ways to a camera may differ: some records leave out how the car moved between scan and picture."""
_SIDES = {"FRONT": (0, 1), "BACK": (0, -1), "LEFT": (1, 1), "RIGHT": (1, -1)}
"""Axis of the car (x ahead, y left) and sign of where a camera of such a name looks."""


def key_frame_faults(frame: KeyFrame) -> Iterator[tuple[str, Fault]]:
    """Fields of a record whose values cannot be, with what is wrong."""
    T = frame.T_ego_lidar
    if (wrong := offset_fault(T[:3, 3]) or upright_fault(T, "a LiDAR")) is not None:
        yield "lidar2ego", wrong
    if (wrong := upright_fault(frame.T_world_ego, "a car")) is not None:
        yield "ego2global", wrong
    for name, camera in frame.cameras.items():
        for field, wrong in _camera_faults(frame, name, camera):
            yield f"cams.{name}.{field}", wrong
    for number, sweep in enumerate(frame.sweeps):
        reach = CAR_M + _way(frame.timestamp_us, sweep.timestamp_us)
        T = sweep.T_lidar_sweep
        if (wrong := offset_fault(T[:3, 3], reach) or upright_fault(T, "a LiDAR")) is not None:
            yield f"sweeps[{number}].sensor2lidar", wrong


def _camera_faults(frame: KeyFrame, name: str, camera: CameraFrame) -> Iterator[tuple[str, Fault]]:
    T = camera.T_ego_cam
    wrong = offset_fault(T[:3, 3]) or view_fault(T) or _side_fault(name, T)
    if wrong is not None:
        yield "sensor2ego", wrong
    moved = np.linalg.inv(frame.T_world_ego) @ camera.T_world_ego
    way = _way(frame.timestamp_us, camera.timestamp_us)
    if (wrong := upright_fault(moved, "a car") or offset_fault(moved[:3, 3], CAR_M + way)) is not None:
        yield "ego2global", wrong
    apart = np.linalg.inv(frame.T_ego_lidar @ camera.T_lidar_cam) @ moved @ T
    turned = float(np.arccos(np.clip((np.trace(apart[:3, :3]) - 1) / 2, -1, 1)))
    distance = float(np.linalg.norm(apart[:3, 3]))
    if distance > _APART_M + way or turned > _TURNED_RAD:
        expected = "the camera where sensor2ego and ego2global have it"
        yield "sensor2lidar", Fault(expected, f"{distance:.3g} m and {np.rad2deg(turned):.0f} degrees off")


def _side_fault(name: str, T_ego_cam: np.ndarray) -> Fault | None:
    """Whether a camera looks to another side than its name says."""
    words = name.split("_")[1:]
    for word in words:
        axis, sign = _SIDES[word]
        if sign * T_ego_cam[axis, 2] < 0:
            expected = f"a camera that looks to the {' and '.join(words).lower()} of the car (x ahead, y left)"
            return Fault(expected, f"one along {T_ego_cam[:3, 2].round(2).tolist()}")
    return None


def _way(time_us: int, other_us: int) -> float:
    """How far the car may get in between, metres."""
    return FASTEST_M_S * abs(time_us - other_us) / 1e6
