"""Which returns are the vehicle itself: at places near the sensor, above the road, where all scans of a drive have one.

Points are taken in the axes of the vehicle (z up), from the sensor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

_VOXEL_M = 0.2
_REACH_M = 6.0
_SIDE = int(2 * _REACH_M / _VOXEL_M)
_OFTEN = 0.9
_ABOVE_M = 0.4
"""The road, too, is where it always is; what is less than this above it is not the vehicle."""
_LOW = 0.05
FEWEST = 20
"""Scans that it takes to tell the vehicle from the road."""
NEAR_M = 3.0
"""Where too few scans of a moving car are known, everything nearer than this is taken for the vehicle."""


@dataclass(frozen=True)
class EgoBody:
    """Where the vehicle is around one of its LiDARs.

    Attributes:
        voxels: of 0.2 m within 6 m around the sensor; None: nobody knows, and it is a sphere of 3 m.
    """

    voxels: Bool[np.ndarray, "n n n"] | None

    def covers(self, points: Float[np.ndarray, "p 3"]) -> Bool[np.ndarray, "p"]:
        """Whether each point (metres, from the sensor) belongs to the vehicle."""
        if self.voxels is None:
            return np.einsum("pi,pi->p", points, points) < NEAR_M**2
        index, inside = _index(points)
        found = np.zeros(len(points), bool)
        found[inside] = self.voxels[tuple(index.T)]
        return found

    @property
    def box_m(self) -> tuple[list[float], list[float]] | None:
        """Low and high corner of what it covers, from the sensor; None where that is nothing."""
        if self.voxels is None:
            return [-NEAR_M] * 3, [NEAR_M] * 3
        places = np.argwhere(self.voxels)
        if not len(places):
            return None
        low, high = places.min(0) * _VOXEL_M - _REACH_M, (places.max(0) + 1) * _VOXEL_M - _REACH_M
        return low.round(2).tolist(), high.round(2).tolist()


def learn(scans: Iterable[Float[np.ndarray, "_p 3"]]) -> EgoBody:
    """The vehicle, from scans of one LiDAR that were taken while it moved.

    Args:
        scans: metres, from the sensor; at least `FEWEST`, or else nobody knows.
    """
    hits, count, roads = np.zeros((_SIDE,) * 3, np.int32), 0, []
    for points in scans:
        flags = np.zeros((_SIDE,) * 3, bool)
        index, inside = _index(points)
        flags[tuple(index.T)] = True
        if inside.any():
            roads.append(np.quantile(points[inside, 2], _LOW))
        hits += flags
        count += 1
    if count < FEWEST:
        return EgoBody(None)
    above = int(np.ceil(((np.median(roads) if roads else 0.0) + _ABOVE_M + _REACH_M) / _VOXEL_M))
    often = hits > _OFTEN * count
    often[..., : min(max(above, 0), _SIDE)] = False
    return EgoBody(_dilated(often))


def _index(points: Float[np.ndarray, "p 3"]) -> tuple[np.ndarray, Bool[np.ndarray, "p"]]:
    index = np.floor((points[:, :3] + _REACH_M) / _VOXEL_M).astype(np.int64)
    inside = ((index >= 0) & (index < _SIDE)).all(1)
    return index[inside], inside


def _dilated(flags: Bool[np.ndarray, "n n n"]) -> Bool[np.ndarray, "n n n"]:
    for axis in range(3):
        wide = flags.copy()
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        wide[tuple(low)] |= flags[tuple(high)]
        wide[tuple(high)] |= flags[tuple(low)]
        flags = wide
    return flags
