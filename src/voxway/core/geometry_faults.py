"""What calibrations and poses of a car cannot be: other units, other axes, the inverse, numbers in another order.

One place for every reader and for rigs that a program hands over. Each function looks at one thing and returns what is
wrong with it, or None. Bounds hold for the rigs of KITTI, nuScenes and Waymo with room to spare.

Axes: ego x ahead, y left, z up; camera x right, y down, z ahead; metres.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from voxway.core.faults import Fault

CAR_M = 4.0
"""Farthest that a sensor stands from the origin of a car's frame, along an axis."""
FASTEST_M_S = 70.0
"""Faster than any car of a dataset."""
_ROTATION_TOLERANCE = 1e-3
_LEVEL = 0.5
_STEP_M, _LOST_M = 10.0, 200.0
"""Farther than a car gets between two scans 0.1 s apart, and farther than any gap in a drive."""
_MOVING_M, _MOVED_M = 0.2, 20.0
_MOVING = 5
_CLOCK_US = (0.9e15, 5e15)
"""Microseconds since 1970 in the years 1998 to 2128."""

Transform = Float[np.ndarray, "4 4"]


def rotation_fault(rotation: Float[np.ndarray, "3 3"]) -> Fault | None:
    """Whether a matrix is no rotation."""
    error, turn = np.abs(rotation @ rotation.T - np.eye(3)).max(), np.linalg.det(rotation)
    if error <= _ROTATION_TOLERANCE and turn > 0:
        return None
    found = f"|R R^T - 1| up to {error:.2g}, determinant {turn:.3g}"
    return Fault(f"a rotation, orthogonal and right-handed (to {_ROTATION_TOLERANCE:g})", found)


def rigid_fault(T: Transform) -> Fault | None:
    """Whether a matrix is no rigid transform."""
    if np.abs(T[3] - (0, 0, 0, 1)).max() > _ROTATION_TOLERANCE:
        hint = "; the matrix looks transposed" if T[3, 3] == 1 and not T[:3, 3].any() else ""
        return Fault("a last row 0 0 0 1", f"{T[3].tolist()}{hint}")
    return rotation_fault(T[:3, :3])


def offset_fault(offset: Float[np.ndarray, "3"], most_m: float = CAR_M) -> Fault | None:
    """Whether a sensor stands off its vehicle.

    Args:
        offset: of the sensor, metres.
        most_m: how far it may be along an axis.
    """
    farthest = float(np.abs(offset).max())
    if farthest <= most_m:
        return None
    units = {1000: "millimetres", 100: "centimetres"}
    unit = next((word for factor, word in units.items() if 0.02 <= farthest / factor <= most_m), None)
    found = f"{farthest:.4g} m" + (f", which looks like {unit}" if unit else "")
    remedy = "Write translations in metres." if unit else ""
    return Fault(f"an offset of the sensor in metres, {most_m:g} m at most", found, remedy)


def intrinsics_fault(K: Float[np.ndarray, "3 3"]) -> Fault | None:
    """Whether a matrix cannot be the intrinsics, in pixels, of a picture as recorded."""
    fx, fy = float(K[0, 0]), float(K[1, 1])
    if fx <= 0 or fy <= 0:
        return Fault("positive focal lengths", f"{fx:g} and {fy:g} px")
    if np.abs(K[2] - (0, 0, 1)).max() > 1e-6:
        hint = ", which looks like a transposed matrix" if np.abs(K[:2, 2]).max() < 1e-6 else ""
        return Fault("a last row 0 0 1", f"{K[2].tolist()}{hint}", "Write K row by row: fx 0 cx, 0 fy cy, 0 0 1.")
    if abs(K[0, 1]) > 0.1 * fx or abs(K[1, 0]) > 1e-3 * fy:
        return Fault("hardly any skew", f"{K[0, 1]:g} and {K[1, 0]:g} beside focal lengths {fx:g} and {fy:g}")
    if not 0.2 < fx / fy < 5:
        return Fault("focal lengths of about the same size", f"{fx:g} and {fy:g} px")
    return None


def view_fault(T_ego_cam: Transform, level: float = _LEVEL) -> Fault | None:
    """Whether a camera on a car looks at the sky, at the road below it, or lies on its side.

    Args:
        T_ego_cam: camera to ego.
        level: sine of the steepest look up or down.
    """
    steep, upright = float(T_ego_cam[2, 2]), -float(T_ego_cam[2, 1])
    if abs(steep) <= level and upright >= np.sqrt(1 - level**2) / np.sqrt(3):
        return None
    expected = "a camera that looks level and upright, from x right, y down, z ahead to the car's x ahead, y left, z up"
    found = f"one whose optical axis rises by {np.rad2deg(np.arcsin(np.clip(steep, -1, 1))):.0f} degrees"
    inverse = T_ego_cam[:3, :3].T
    if abs(inverse[2, 2]) <= level and -inverse[2, 1] >= 0.5:
        return Fault(expected, f"{found}; the matrix may be inverted", "Give camera to car, not car to camera.")
    if upright > -level and abs(steep) > level:
        return Fault(
            expected, f"{found}; its axes may be x ahead, z up", "Give the optical axes: x right, y down, z ahead."
        )
    return Fault(expected, f"{found} and whose picture's top points {'down' if upright < 0 else 'aside'}")


def upright_fault(T: Transform, what: str) -> Fault | None:
    """Whether a car or a LiDAR lies on its side or on its roof.

    Args:
        T: to a frame with z up, from one with z up.
        what: its name, for the message.
    """
    if T[2, 2] > _LEVEL:
        return None
    tilt = np.rad2deg(np.arccos(np.clip(T[2, 2], -1, 1)))
    hint = "a quaternion may be in the order x y z w instead of w x y z, or a matrix inverted"
    return Fault(f"{what} that stands upright", f"one tilted by {tilt:.0f} degrees; {hint}")


def drive_fault(T_world_ego: Float[np.ndarray, "n 4 4"]) -> Fault | None:
    """Whether poses of consecutive scans are not those of a car that drives ahead.

    Args:
        T_world_ego: ego to world, a pose per scan.
    """
    if len(T_world_ego) < 2:
        return None
    steps = np.linalg.inv(T_world_ego[:-1]) @ T_world_ego[1:]
    ahead, length = steps[:, 0, 3], np.linalg.norm(steps[:, :3, 3], axis=1)
    moving = length > _MOVING_M
    expected = f"steps of a car in metres, at most {_STEP_M:g} m from scan to scan"
    usual = float(np.median(length[moving])) if moving.sum() >= _MOVING else 0.0
    if usual > _STEP_M or length.max() > _LOST_M:
        unit = next((w for f, w in ((1000, "millimetres"), (100, "centimetres")) if 0.02 <= usual / f <= 5), None)
        found = f"steps of {usual:.4g} m, up to {length.max():.4g} m after pose {int(length.argmax())}"
        hint = f"; they look like {unit}" if unit and usual > _STEP_M else ""
        return Fault(expected, found + hint, "Write poses in metres, one for each scan.")
    if moving.sum() < _MOVING:
        return None
    share = ahead[moving] / length[moving]
    if np.median(np.abs(share)) < 0.5:
        aside, up = (float(np.median(np.abs(steps[moving, axis, 3]) / length[moving])) for axis in (1, 2))
        found = f"one that goes {'sideways' if aside > up else 'upwards'} all the time"
        return Fault("a car that drives ahead", f"{found}: the poses may be of another frame")
    if length[moving].sum() > _MOVED_M and (share < 0).mean() > 0.9:
        return Fault("a car that drives ahead", "one that drives backwards all the time: poses may be inverted")
    return None


def times_fault(seconds: Float[np.ndarray, "n"]) -> Fault | None:
    """Whether times of consecutive scans run backwards or are not in seconds."""
    steps = np.diff(seconds)
    if not len(steps):
        return None
    if (steps < 0).any():
        first = int((steps < 0).argmax())
        return Fault("times that do not run backwards", f"{seconds[first + 1]:g} after {seconds[first]:g}")
    usual, units = float(np.median(steps)), {1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}
    if usual <= 10:
        return None
    unit = next((word for factor, word in units.items() if 0.005 <= usual / factor <= 5), "no seconds")
    return Fault("seconds, fractions of one from scan to scan", f"steps of {usual:g}, which look like {unit}")


def microseconds_fault(time: float | int | np.number) -> Fault | None:
    """Whether a time is not in microseconds since 1970."""
    low, high = _CLOCK_US
    for factor, unit in ((1e6, "seconds"), (1e3, "milliseconds"), (1e-3, "nanoseconds")):
        if low < time * factor < high:
            return Fault("microseconds", f"{time}, which looks like {unit}")
    return None if low < time < high else Fault("microseconds since 1970", f"{time}")
