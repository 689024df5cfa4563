"""Moments between the 10 Hz frames of a drive: where the vehicle and the traffic are at any time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from voxway.world.shapes.mesh import Mesh
from voxway.world.street.drive import PERIOD, Actor, present


def pose_at(poses: Float[np.ndarray, "n 4 4"], time: float) -> Float[np.ndarray, "4 4"]:
    """The rigid pose at `time` (seconds from frame 0), between its two neighbours.

    Translation and axes are interpolated straight and the axes made orthogonal again: between frames the vehicle turns
    by at most 4 degrees, where this is as good as a turn at constant speed.
    """
    before, share = _frame(time, len(poses))
    if share == 0:
        return poses[before]
    pose = (1 - share) * poses[before] + share * poses[before + 1]
    u, _, vt = np.linalg.svd(pose[:3, :3])
    pose[:3, :3] = u @ vt
    return pose


def actor_at(actor: Actor, time: float) -> Float[np.ndarray, "4"]:
    """x, y, z (metres) and yaw (radians) at `time`; NaN where the actor is not there."""
    before, share = _frame(time, len(actor.track))
    if share == 0:
        return actor.track[before]
    return (1 - share) * actor.track[before] + share * actor.track[before + 1]


def present_at(actors: list[Actor], time: float, T_world_vehicle: Float[np.ndarray, "4 4"]) -> Mesh:
    """The actors around the vehicle at `time`, as one mesh in the world frame."""
    return present([Actor(actor.mesh, actor_at(actor, time)[None]) for actor in actors], 0, T_world_vehicle)


def _frame(time: float, count: int) -> tuple[int, float]:
    """The frame before `time`, and how far the next one has come, 0..1."""
    # Times are sums of tenths and hundredths; without rounding, frame 3 would lie a hair before 0.3 seconds.
    position = round(time / PERIOD, 6)
    before = int(position)
    if not 0 <= position <= count - 1:
        raise ValueError(f"the drive lasts from 0 to {(count - 1) * PERIOD:.1f} s, got {time:.3f} s")
    return before, position - before
