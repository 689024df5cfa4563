"""What bytes are that are no scan as they stand: the reading that makes one of them. For messages alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from voxway.data.files.scan_faults import Points, ScanLayout, fault, mixed_rows, place_fault, spread_of

_UNITS = {"millimetres": 0.001, "centimetres": 0.01, "kilometres": 1000.0}
_USUAL_M = 10.0
"""Half of the points of a scan lie about so near."""
_TYPES = {"<f4": "float32", "<f8": "float64", ">f4": "big-endian float32", "<f2": "float16"}
_WHOLE = {"<i4": "int32", "<i2": "int16"}
_COUNTS = (4, 5, 6, 7, 8, 9, 10, 3)


def guess(data: bytes, layout: ScanLayout) -> str | None:
    """In words, another type, other columns, another unit or other axes, with which a file's bytes are a scan."""
    with np.errstate(all="ignore"):
        return next(_guesses(data, layout), None)


def unit_of(points: Points) -> str | None:
    """The unit other than metres in which points are a scan, in words: millimetres, centimetres or kilometres."""
    usual = ScanLayout(columns=("x", "y", "z"), read=3, highest_intensity=None, sensor_frame=False, ahead=None)
    with np.errstate(all="ignore"):
        return _unit(points[:, :3], usual)


def _unit(points: Points, layout: ScanLayout) -> str | None:
    fitting = {unit: _scaled(points, factor) for unit, factor in _UNITS.items()}
    fitting = {unit: scaled for unit, scaled in fitting.items() if _is_scan(scaled, layout)}
    return min(fitting, key=lambda unit: _oddness(fitting[unit])) if fitting else None


def _guesses(data: bytes, layout: ScanLayout) -> Iterator[str]:
    columns = len(layout.columns)
    own = _rows(data, "<f4", columns)
    if own is not None:
        if (unit := _unit(own, layout)) is not None:
            yield f"points in {unit}"
        if _is_scan(np.concatenate([own[:, [2]], -own[:, :2], own[:, 3:]], 1), layout):
            yield "points in a camera's axes (x right, y down, z ahead)"
    counts = (columns, *(count for count in _COUNTS if count != columns))
    for kind, word in _TYPES.items():
        for count in counts:
            rows = _rows(data, kind, count)
            if rows is not None and (kind, count) != ("<f4", columns) and _is_scan(rows, layout):
                yield f"{word} with {count} columns"
    for kind, word in _WHOLE.items():
        for count in counts:
            rows = _rows(data, kind, count)
            for factor in (0.001, 0.01, 1.0):
                if rows is not None and _is_scan(_scaled(rows, factor), replace(layout, highest_intensity=None)):
                    yield f"whole numbers ({word}) with {count} columns"


def _rows(data: bytes, kind: str, columns: int) -> Points | None:
    if not data or len(data) % (np.dtype(kind).itemsize * columns):
        return None
    return np.frombuffer(data, kind).reshape(-1, columns).astype(np.float32)


def _scaled(points: Points, factor: float) -> Points:
    return np.concatenate([points[:, :3] * np.float32(factor), points[:, 3:]], 1)


def _is_scan(points: Points, layout: ScanLayout) -> bool:
    """Whether points are hardly anything else than a scan: stricter than `fault`, which doubts in favour of a file."""
    read = points[:, : min(layout.read, points.shape[1])]
    if not np.isfinite(read).all():
        return False
    fitting = replace(layout, columns=layout.columns[: points.shape[1]], read=read.shape[1])
    wrong = place_fault(points) or mixed_rows(points) if points.shape[1] < 4 else fault(points, fitting)
    if wrong is not None:
        return False
    x, y, z = spread_of(points)
    return bool(min(x, y) > 0.5 and z < 0.5 * max(x, y) and _oddness(points) < 2)


def _oddness(points: Points) -> float:
    """How many powers of ten the usual distance of the points is off."""
    usual = float(np.median(np.abs(points[:, :2]).max(1)))
    return abs(float(np.log10(max(usual, 1e-30) / _USUAL_M)))
