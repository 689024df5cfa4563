"""Where each return of a turning scan was: the vehicle moves on while a LiDAR turns, by a metre in 0.1 s at 10 m/s."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float, Float64

Stamp = Literal["start", "middle", "end"]
"""Which moment of a turn its time is."""
_KNOTS = 17
"""Poses of a turn, between which places change straight: a few millimetres at most beside the true arc."""

_ONCE = 1.2
"""Turns up to which a scan's points are taken to follow each other around once."""


def placed(
    points: Float[np.ndarray, "p 3"],
    after_s: Float[np.ndarray, "p"] | None,
    time_s: float,
    poses: Callable[[Float64[np.ndarray, "m"]], Float64[np.ndarray, "m 4 4"]],
) -> tuple[Float64[np.ndarray, "p 3"], Float64[np.ndarray, "p 3"]]:
    """Returns in the world, and where the sensor was when it saw each of them, metres.

    Args:
        points: in the sensor's own frame at the time of each.
        after_s: seconds from the scan's time to each; None: all were seen at once.
        time_s: of the scan.
        poses: the sensor's frame to the world at times, metres.
    """
    points = points.astype(np.float64)
    if after_s is None or not len(points) or not np.ptp(after_s):
        T = poses(np.array([time_s if after_s is None or not len(points) else time_s + float(after_s[0])]))[0]
        return points @ T[:3, :3].T + T[:3, 3], np.broadcast_to(T[:3, 3], points.shape)
    first, last = float(after_s.min()), float(after_s.max())
    T = poses(time_s + np.linspace(first, last, _KNOTS))
    at = (after_s.astype(np.float64) - first) / (last - first) * (_KNOTS - 1)
    before = np.floor(at).astype(np.int64).clip(0, _KNOTS - 2)
    share = (at - before)[:, None]
    found, origins = np.empty_like(points), np.empty_like(points)
    for knot in range(_KNOTS - 1):
        rows = np.flatnonzero(before == knot)
        if not len(rows):
            continue
        near, far = (points[rows] @ T[k, :3, :3].T + T[k, :3, 3] for k in (knot, knot + 1))
        found[rows] = (1 - share[rows]) * near + share[rows] * far
        origins[rows] = (1 - share[rows]) * T[knot, :3, 3] + share[rows] * T[knot + 1, :3, 3]
    return found, origins


def spin_times(points: Float[np.ndarray, "p 3"], turn_s: float, stamp: Stamp) -> Float64[np.ndarray, "p"]:
    """Times of returns of a spinning LiDAR that does not tell them, from their directions; only for whole turns whose
    points are in the order in which they were seen.

    Args:
        points: in the sensor's own frame, z along its axis.
        turn_s: how long a turn takes.
        stamp: which moment of the turn the scan's time is.
    """
    direction = np.arctan2(points[:, 1], points[:, 0]).astype(np.float64)
    turned = np.cumsum((np.diff(direction, prepend=direction[:1]) + np.pi) % (2 * np.pi) - np.pi)
    sense = -1.0 if len(turned) and turned[-1] < 0 else 1.0
    if len(turned) and sense * turned[-1] > _ONCE * 2 * np.pi:  # beam after beam, each once around
        turned = sense * ((direction - direction[0]) * sense % (2 * np.pi))
    share = (turned * sense / (2 * np.pi)).clip(0, 1)
    return (share - {"start": 0.0, "middle": 0.5, "end": 1.0}[stamp]) * turn_s
