"""Scans of any kind of file: rows without a header (`.bin`), NumPy (`.npy`), PCL's (`.pcd`), PLY (`.ply`).

What comes out is x, y, z in metres in the sensor's own frame and, where the file has it, the intensity, and after it
each point's time in seconds after the scan's stamp, where the file has that, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped

from voxway.core.arrays import read_array
from voxway.core.errors import InputError
from voxway.data.files.pcd import read_pcd
from voxway.data.files.ply_points import read_ply
from voxway.data.files.point_times import TIMES, point_seconds
from voxway.data.files.scan_faults import ScanLayout, place_fault
from voxway.data.files.scan_guess import unit_of
from voxway.data.files.scans import read_points

SUFFIXES = (".bin", ".npy", ".pcd", ".ply")
INTENSITIES = ("intensity", "i", "reflectivity", "remission", "reflectance")
"""Names under which files have the intensity."""
_REMEDY = "Write x, y, z in metres in the sensor's own frame."


def read_cloud(path: Path, columns: Sequence[str], stamp_s: float = 0.0) -> Float32[np.ndarray, "p c"]:
    """Points of a scan: x, y, z, then the intensity and the time where the file has them.

    Points that are not finite are left out of `.pcd` and `.ply`, whose writers put NaN where a ray met nothing.

    Args:
        path: the file; its ending says what kind it is.
        columns: of files whose columns have no names, x, y, z first.
        stamp_s: when the scan was taken, for times of points that count from 1970.

    Raises:
        InputError: missing or damaged file, another number of columns, or points that no LiDAR can have measured.
    """
    if path.suffix == ".bin":
        layout = _layout(columns)
        return _chosen(read_points(path, layout).T, columns, stamp_s)
    if path.suffix == ".npy":
        array = read_array(path, "Save an array (points, columns) of float32.")
        if array.ndim != 2 or array.shape[1] != len(columns):
            expected = f"(p, {len(columns)}): {', '.join(columns)}"
            remedy = 'Name the columns of the file in the rig\'s "columns".'
            raise InputError(file=path, field="shape", expected=expected, found=array.shape, remedy=remedy)
        points = _chosen(array.T, columns, stamp_s)
    else:
        named = read_pcd(path) if path.suffix == ".pcd" else read_ply(path)
        points = _chosen(_columns(named, path), list(named), stamp_s)
        points = points[np.isfinite(points).all(1)]
    _check(points, path)
    return points


def _layout(columns: Sequence[str]) -> ScanLayout:
    found = [columns.index(name) for name in INTENSITIES if name in columns]
    read = max(found[:1] or [2]) + 1
    return ScanLayout(columns=tuple(columns), read=read, highest_intensity=None, sensor_frame=False, ahead=None)


def _columns(named: Mapping[str, Shaped[np.ndarray, "p"]], path: Path) -> list[np.ndarray]:
    missing = [name for name in "xyz" if name not in named]
    if missing:
        raise InputError(
            file=path, field="fields", expected="x, y, z among them", found=", ".join(named), remedy=_REMEDY
        )
    return list(named.values())


def _chosen(
    values: Sequence[np.ndarray] | np.ndarray, names: Sequence[str], stamp_s: float
) -> Float32[np.ndarray, "p c"]:
    """x, y, z, the intensity, and the time after the stamp, of columns in any order."""
    order = list(names)
    intensity = next((name for name in INTENSITIES if name in order), None)
    time = next((name for name in TIMES if name in order), None)
    chosen = [np.asarray(values[order.index(name)]) for name in ("x", "y", "z")]
    if intensity is not None:
        chosen.append(np.asarray(values[order.index(intensity)]))
        if time is not None:
            chosen.append(point_seconds(np.asarray(values[order.index(time)]), stamp_s))
    return np.stack(chosen, 1).astype(np.float32)


def _check(points: Float32[np.ndarray, "p c"], path: Path) -> None:
    if not len(points) or not np.isfinite(points).all():
        found = "none" if not len(points) else f"{int((~np.isfinite(points)).any(1).sum())} with NaN or infinity"
        raise InputError(file=path, field="points", expected="points with finite numbers", found=found, remedy=_REMEDY)
    if (wrong := place_fault(points)) is not None:
        unit = unit_of(points)
        hint = f"; they look like {unit}" if unit else ""
        raise InputError(
            file=path, field="points", expected=wrong.expected, found=f"{wrong.found}{hint}", remedy=_REMEDY
        )
