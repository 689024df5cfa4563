"""Can a LiDAR have measured these points?

Bounds are wide: they hold for every scan of KITTI, nuScenes and Waymo with room to spare. A file that is read with the
wrong number of columns shows it: columns become mixtures, so that the intensity turns negative, or every other row is
of another kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from voxway.core.faults import Fault

RANGE_M = 500.0
"""Farthest that a LiDAR of a car measures, with room to spare."""
_NEAREST_M = 0.5
"""A scan has a point beyond this: otherwise it is full of zeros, or not in metres."""
_SOME, _MANY = 100, 1000
"""Points from which on the distribution of coordinates says something, and from which on it says a lot."""
_ODD_SHARE = 0.05
_TALL = 3.0
_OTHER_ROWS = 0.4
_AHEAD_SHARE = 0.002
_SAMPLE = 4096

Points = Float[np.ndarray, "p c"]


@dataclass(frozen=True, kw_only=True)
class ScanLayout:
    """Columns of a dataset's scans, float32, little-endian. The first three are x, y, z in metres.

    Attributes:
        columns: names of all columns.
        read: how many of them are; those after the third among them are never negative.
        highest_intensity: of column 3; None where it is not bounded.
        sensor_frame: whether the origin is the sensor, well above the road; else it stands on the road.
        ahead: which of x and y points ahead of the car; None where nobody knows.
    """

    columns: tuple[str, ...]
    read: int
    highest_intensity: float | None
    sensor_frame: bool
    ahead: Literal[0, 1] | None = 0

    @property
    def words(self) -> str:
        """Such as "4 x float32 per point: x, y, z, remission"."""
        return f"{len(self.columns)} x float32 per point: {', '.join(self.columns)}"


def place_fault(points: Points, sensor_frame: bool = False) -> Fault | None:
    """What is impossible about x, y, z, of a file or of a program; None where nothing is.

    Args:
        points: x, y, z in metres, and more columns; finite.
        sensor_frame: whether the origin is known to be the sensor, well above the road.
    """
    xyz = points[:, :3]
    rows = np.ascontiguousarray(xyz.T)  # extremes along rows of memory are found many times faster
    farthest = max(float(rows.max()), -float(rows.min()))
    if farthest > RANGE_M:
        beyond = np.flatnonzero((np.abs(xyz) > RANGE_M).any(1))
        first = [float(f"{value:.5g}") for value in xyz[beyond[0]]]
        found = f"{len(beyond)} of {len(xyz)} points beyond that, the first at {beyond[0]}: {first}"
        return Fault(f"x, y, z in metres, within {RANGE_M:g} m of the sensor", found)
    if farthest <= _NEAREST_M:
        found = f"all {len(xyz)} points within {farthest:.3g} m"
        return Fault(f"x, y, z in metres, some farther than {_NEAREST_M:g} m from the sensor", found)
    if len(xyz) < _SOME:
        return None
    some = _sample(xyz)
    if (empty := (some == 0).all(1).mean()) > 0.5:
        return Fault("points", f"{100 * empty:.0f} % of the points are exactly 0, 0, 0")
    low, middle, high = np.quantile(some, (0.05, 0.5, 0.95), axis=0)
    x, y, z = high - low
    if z > 10 and z > _TALL * min(x, y):
        found = f"most points spread over {x:.1f} m along x, {y:.1f} m along y and {z:.1f} m along z"
        return Fault("z upwards: a street is wider than it is high", found)
    if sensor_frame and len(xyz) >= _MANY and middle[2] > 1:
        found = f"half of the points more than {middle[2]:.1f} m above it"
        return Fault("z upwards from the sensor, most points below it", found)
    return None


def fault(points: Points, layout: ScanLayout) -> Fault | None:
    """What is impossible about rows of x, y, z, intensity and whatever follows; None where nothing is.

    Args:
        points: finite in the columns that are read.
        layout: what the columns are.
    """
    wrong = place_fault(points, layout.sensor_frame)
    if wrong is not None:
        return wrong
    for column, name in list(enumerate(layout.columns))[3 : layout.read]:
        highest = layout.highest_intensity if column == 3 else None
        values = points[:, column]
        odd = values < 0 if highest is None else (values < 0) | (values > highest)
        if odd.sum() > 1 and odd.mean() > _ODD_SHARE:
            expected = f"{name} (column {column + 1}) from 0" + ("" if highest is None else f" to {highest:g}")
            found = f"{int(odd.sum())} of {len(points)} others, between {values.min():.4g} and {values.max():.4g}"
            return Fault(expected, found)
    return mixed_rows(points) or _nothing_ahead(points, layout.ahead)


def _nothing_ahead(points: Points, axis: int | None) -> Fault | None:
    """Whether all points lie behind the car, as where axes are turned or mirrored."""
    if axis is None or len(points) < _MANY or (share := float((points[:, axis] > 0).mean())) > _AHEAD_SHARE:
        return None
    name = "xy"[axis]
    return Fault(f"points ahead of the car, where {name} is positive", f"{100 * (1 - share):.0f} % with {name} below 0")


def mixed_rows(points: Points) -> Fault | None:
    """Whether every second or third row is of another kind, as where rows are shorter than those of the file."""
    if len(points) < _MANY:
        return None
    for every, word in ((2, "second"), (3, "third")):
        columns = range(min(points.shape[1], 4))
        if max(_distance(points[::every, c], points[1::every, c]) for c in columns) > _OTHER_ROWS:
            return Fault("rows of one kind", f"every {word} row is of another kind")
    return None


def spread_of(points: Points) -> Float[np.ndarray, "3"]:
    """Over how many metres the middle 80 % of the points spread along x, y and z."""
    low, high = np.quantile(_sample(points[:, :3]), (0.1, 0.9), axis=0)
    return high - low


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    """The greatest difference of two distributions (Kolmogorov and Smirnov), 0..1."""
    first, second = (np.sort(_sample(one, _SAMPLE // 4)) for one in (first, second))
    both = np.concatenate([first, second])
    shares = [np.searchsorted(one, both, "right") / len(one) for one in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def _sample(rows: np.ndarray, count: int = _SAMPLE) -> np.ndarray:
    """Some of the rows, evenly spread, at an odd step, so that no regular order of rows shows."""
    return rows[:: max(len(rows) // count, 1) | 1]
