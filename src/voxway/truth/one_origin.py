"""Whether all returns of a cloud can have been seen from one place: clouds of several LiDARs or turns, merged, cannot.

Two signs, both measured on directions from the place that is given for the sensor:

* Behind: returns that lie well behind another one in nearly the same direction, through which no ray can pass. Of real
  scans up to 2 % do, where rays slip through leaves; of clouds given from a place on the road, as a vehicle's frame
  mostly is, 25 to 40 %, since all the ground lies in one direction.
* Crowded: returns on the same surface much closer to each other in direction than the shots of a turn, which keep
  their distance. Of real scans up to 0.3 %; of two or more turns on each other 2 to 5 %.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from voxway.core.faults import Fault

_NEAREST_M, _FARTHEST_M = 3.0, 50.0
"""What is nearer may be the vehicle; farther, LiDARs see little."""
_FEWEST = 2000
"""Returns that it takes to tell."""
_CELL_DEG = 0.25
_BEHIND_M, _BEHIND_SHARE = 1.0, 1.2
"""Behind is so much, and so many times as far."""
_MOST_BEHIND = 0.1
_ASKED = 2000
"""Returns whose nearest neighbours are looked for."""
_WINDOW_RAD = np.radians(1.0)
"""How far off around the sensor."""
_CLOSE = 0.25
"""Of the usual distance between neighbours in direction."""
_SAME_SURFACE = 0.02
"""Difference of ranges of returns on one surface, as a share."""
_MOST_CROWDED = 0.01
_REMEDY = (
    "Give each LiDAR's scans by themselves, one turn each, in its own frame and with its place on the vehicle; or say "
    "that they are (--one-origin)."
)


def origin_fault(points: Float64[np.ndarray, "p 3"]) -> Fault | None:
    """Why returns cannot all have been seen from the origin; None if they may have been, or are too few to tell.

    Args:
        points: of one scan, metres in the sensor's frame.
    """
    far = np.linalg.norm(points, axis=1)
    looked = (far > _NEAREST_M) & (far < _FARTHEST_M)
    points, far = points[looked], far[looked]
    if len(points) < _FEWEST:
        return None
    expected = "returns of one turn of one LiDAR, seen from the place that is given for it"
    if (share := behind(points, far)) > _MOST_BEHIND:
        found = f"{100 * share:.0f} % of them behind others, as in clouds that were moved into a vehicle's frame"
        return Fault(expected, found, _REMEDY)
    if (share := crowded(points, far)) > _MOST_CROWDED:
        found = f"{100 * share:.1f} % of them where another shot went already, as in clouds that were merged"
        return Fault(expected, found, _REMEDY)
    return None


def behind(points: Float64[np.ndarray, "p 3"], far: Float64[np.ndarray, "p"]) -> float:
    """Share of returns that lie behind another one in the same direction.

    Args:
        points: metres.
        far: their ranges.
    """
    _, cell = np.unique(_cells(points, far), return_inverse=True)
    nearest = np.full(cell.max() + 1, np.inf)
    np.minimum.at(nearest, cell, far)
    return float((far > _BEHIND_SHARE * nearest[cell] + _BEHIND_M).mean())


def crowded(points: Float64[np.ndarray, "p 3"], far: Float64[np.ndarray, "p"]) -> float:
    """Share of returns whose nearest neighbour in direction is on the same surface and much nearer than is usual.

    Args:
        points: metres.
        far: their ranges.
    """
    around = np.arctan2(points[:, 1], points[:, 0])
    order = np.argsort(around, kind="stable")
    around, far, way = around[order], far[order], points[order] / far[order, None]
    asked = np.unique(np.linspace(0, len(way) - 1, _ASKED).astype(int))
    begin = np.searchsorted(around, around[asked] - _WINDOW_RAD)
    end = np.searchsorted(around, around[asked] + _WINDOW_RAD, "right")
    apart, same = np.full(len(asked), np.inf), np.zeros(len(asked), bool)
    for place, (one, low, high) in enumerate(zip(asked, begin, end)):
        off = ((way[low:high] - way[one]) ** 2).sum(1)
        off[one - low] = np.inf
        nearest = int(off.argmin())
        apart[place] = np.sqrt(off[nearest])
        same[place] = abs(far[low + nearest] - far[one]) < _SAME_SURFACE * far[one]
    return float(((apart < _CLOSE * np.median(apart)) & same).mean())


def _cells(points: Float64[np.ndarray, "p 3"], far: Float64[np.ndarray, "p"]) -> Int64[np.ndarray, "p"]:
    """A number for the cell of directions of each return."""
    around = np.degrees(np.arctan2(points[:, 1], points[:, 0])) + 180
    up = np.degrees(np.arcsin(points[:, 2] / far)) + 90
    return np.floor(around / _CELL_DEG).astype(np.int64) * 1000 + np.floor(up / _CELL_DEG).astype(np.int64)
