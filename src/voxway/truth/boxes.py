"""Which returns lie in which box: a little beyond its sides, as boxes are drawn tight, but not on the road below it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

_GROWN = 1.1
"""Times length, width and height, as SurroundOcc has it."""
_ROAD_M = 0.1
"""Above a box's lower face; returns below are the road's."""


def held(
    points: Float64[np.ndarray, "p 3"], T_box: Float64[np.ndarray, "n 4 4"], size_m: Float64[np.ndarray, "n 3"]
) -> Int64[np.ndarray, "p"]:
    """The box that each point lies in, -1 for none; of several, the one whose middle is nearest in shares of its size.

    Args:
        points: metres.
        T_box: box (x along its length, y to its left, z up, from its middle) to the frame of the points.
        size_m: length, width and height.
    """
    found, nearest = np.full(len(points), -1), np.full(len(points), np.inf)
    for number, (T, size) in enumerate(zip(T_box, size_m)):
        half = size * (_GROWN / 2)
        near = np.flatnonzero((np.abs(points - T[:3, 3]) < np.linalg.norm(half)).all(1))
        local = (points[near] - T[:3, 3]) @ T[:3, :3]
        share = np.abs(local / half).max(1) if len(near) else np.zeros(0)
        inside = (share <= 1) & (local[:, 2] >= _ROAD_M - size[2] / 2) & (share < nearest[near])
        found[near[inside]], nearest[near[inside]] = number, share[inside]
    return found
