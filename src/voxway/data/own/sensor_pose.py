"""Where sensors are: poses as people have them, in the ego frame or in another sensor's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from voxway.core.errors import InputError
from voxway.core.geometry_faults import rigid_fault
from voxway.core.quaternion import quaternion_rotation
from voxway.data.own.fields import REMEDY, Fields

_ROTATIONS = ("quaternion_wxyz", "quaternion_xyzw", "roll_pitch_yaw_deg", "roll_pitch_yaw_rad")
_TURN = 2 * np.pi


@dataclass(frozen=True, kw_only=True, eq=False)
class SensorPose:
    """A pose and the frame that it is given in."""

    T: Float64[np.ndarray, "4 4"]
    """Coordinates of the sensor to those of `parent`, metres."""
    parent: str | None
    """Name of another sensor; None: the ego frame."""
    fields: Fields
    """What the file says, for errors and for what else it could mean."""


def read_pose(fields: Fields) -> SensorPose:
    """A pose: ``in`` (the ego frame where absent), and ``matrix``, or ``xyz_m`` with a rotation.

    Raises:
        InputError: a number is absent or too many, a quaternion is none of unit length, angles in radians are beyond a
            turn, or the matrix is no rigid transform.
    """
    fields.only("in", "matrix", "xyz_m", *_ROTATIONS)
    if fields.has("matrix"):
        fields.one_of("matrix", "xyz_m", *_ROTATIONS)
        numbers = fields.numbers("matrix", 12, 16)
        T = np.vstack([numbers.reshape(-1, 4), [[0, 0, 0, 1]]])[:4]
        if (wrong := rigid_fault(T)) is not None:
            raise wrong.error(fields.file, fields.path("matrix"), f"Give a rotation and metres, row by row. {REMEDY}")
    else:
        T = np.eye(4)
        T[:3, 3] = fields.numbers("xyz_m", 3)
        T[:3, :3] = _rotation(fields)
    return SensorPose(T=T, parent=fields.text("in") if fields.has("in") else None, fields=fields)


def resolved(pose: SensorPose, poses: Mapping[str, SensorPose], ego: str) -> Float64[np.ndarray, "4 4"]:
    """`T_ego_sensor` of a pose that may be given in frames of other sensors.

    Raises:
        InputError: a frame that is none, or sensors that hang on each other.
    """
    T, seen = pose.T, [pose]
    while seen[-1].parent not in (None, ego):
        parent = seen[-1].parent
        place = seen[-1].fields
        if parent not in poses:
            raise place.wrong("in", f"{ego} or one of {', '.join(poses)}", repr(parent))
        if poses[parent] in seen:
            raise place.wrong("in", "a frame that does not hang on this one", parent)
        seen.append(poses[parent])
        T = seen[-1].T @ T
    return T


def readings(pose: SensorPose) -> dict[str, Float64[np.ndarray, "4 4"]]:
    """What else a pose may have been meant to be, by the mistake that was made then."""
    T, fields = pose.T, pose.fields
    found = {"the pose is that of the ego frame in the sensor's (ego-to-sensor for sensor-to-ego)": np.linalg.inv(T)}
    others = {
        "quaternion_wxyz": ("the quaternion is in the order x y z w", "quaternion_xyzw"),
        "quaternion_xyzw": ("the quaternion is in the order w x y z", "quaternion_wxyz"),
        "roll_pitch_yaw_deg": ("the angles are radians, not degrees", "roll_pitch_yaw_rad"),
        "roll_pitch_yaw_rad": ("the angles are degrees, not radians", "roll_pitch_yaw_deg"),
    }
    for name, (mistake, meant) in others.items():
        if fields.has(name):
            other = T.copy()
            other[:3, :3] = _MEANINGS[meant](fields.numbers(name, *((4,) if "quaternion" in name else (3,))))
            found[mistake] = other
    level = T.copy()
    level[:3, :3] = T[:3, :3] @ _BODY_OPTICAL
    return {**found, "the axes are x ahead, y left, z up, where a camera's are x right, y down, z ahead": level}


_BODY_OPTICAL = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
"""Optical axes (x right, y down, z ahead) to axes x ahead, y left, z up of a sensor that looks the same way."""


def _rotation(fields: Fields) -> Float64[np.ndarray, "3 3"]:
    name = fields.one_of(*_ROTATIONS)
    values = fields.numbers(name, 4 if "quaternion" in name else 3)
    if "quaternion" in name and abs(np.linalg.norm(values) - 1) > 0.01:
        raise fields.wrong(name, "a quaternion of length 1", f"one of length {np.linalg.norm(values):.4g}")
    if name == "roll_pitch_yaw_rad" and np.abs(values).max() > _TURN:
        remedy = "If they are degrees, call them roll_pitch_yaw_deg."
        raise InputError(
            file=fields.file,
            field=fields.path(name),
            expected="radians, within a turn",
            found=f"{values.tolist()}, which look like degrees",
            remedy=remedy,
        )
    return _MEANINGS[name](values)


def _turned(angles: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3 3"]:
    """About the fixed x, then y, then z axis (ROS: roll, pitch, yaw), radians."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(angles), np.sin(angles)
    x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return z @ y @ x


_MEANINGS = {
    "quaternion_wxyz": quaternion_rotation,
    "quaternion_xyzw": lambda values: quaternion_rotation(np.roll(values, 1)),
    "roll_pitch_yaw_deg": lambda values: _turned(np.radians(values)),
    "roll_pitch_yaw_rad": _turned,
}
