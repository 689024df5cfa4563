"""Scans of a LiDAR as rows of float32 without a header: the one reader of all datasets.

Nothing in such a file says what it holds, and nearly any bytes can be read as some float32. So points are looked at:
whatever no LiDAR can have measured is refused, and named where another reading of the bytes makes a scan of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from voxway.core.contents import contents, is_text
from voxway.core.errors import InputError
from voxway.data.files.raw import read_bytes
from voxway.data.files.scan_faults import ScanLayout, fault
from voxway.data.files.scan_guess import guess

_REMEDY = "The copy is damaged or cut short; download or copy it again."


def read_points(path: Path | str, layout: ScanLayout) -> Float32[np.ndarray, "p c"]:
    """Points of a scan, one row each, with the columns of `layout`.

    Raises:
        InputError: missing, truncated or empty file, one of another kind, type or number of columns, a value that is
            not finite, or points that no LiDAR can have measured.
    """
    data, count = read_bytes(path), len(layout.columns)
    known = contents(data)
    if known or is_text(data):
        found, remedy = (known.name, known.remedy) if known else ("text", "Write its numbers as float32.")
        raise InputError(file=path, field="contents", expected=f"rows of {layout.words}", found=found, remedy=remedy)
    if len(data) % (4 * count) or not data:
        expected = f"a positive multiple of {4 * count} bytes ({layout.words})"
        raise _bad(path, layout, data, "size", expected, f"{len(data)} bytes")
    points = np.frombuffer(data, "<f4").reshape(-1, count)
    rows = np.ascontiguousarray(points[:, : layout.read].T)  # extremes along rows of memory are found faster
    if not np.isfinite([rows.min(1), rows.max(1)]).all():
        finite = np.isfinite(rows).all(0)
        worst = int(np.flatnonzero(~finite)[0])
        found = f"{int((~finite).sum())} points with NaN or infinity, the first at {worst}: {points[worst].tolist()}"
        if finite.any() and fault(points[finite], layout) is None:  # a scan but for these
            raise InputError(file=path, field="points", expected="finite numbers", found=found, remedy=_REMEDY)
        raise _bad(path, layout, data, "points", "finite numbers", found)
    wrong = fault(points, layout)
    if wrong is not None:
        raise _bad(path, layout, data, "points", wrong.expected, wrong.found)
    return points.astype(np.float32)


def move(points: Float32[np.ndarray, "p c"], T: np.ndarray) -> Float32[np.ndarray, "p c"]:
    """Points (x, y, z in metres, and more columns) after a transform, in float32.

    Products are added up one by one: a library's product rounds as its processor likes, and cells are cut off from it.
    """
    T_points = T.astype(np.float32)
    moved = points.copy()
    x, y, z = (points[:, axis, None] * T_points[:3, axis] for axis in range(3))
    moved[:, :3] = x + y + z + T_points[:3, 3]
    return moved


def _bad(path: Path | str, layout: ScanLayout, data: bytes, field: str, expected: str, found: str) -> InputError:
    """The error, with the reading of the bytes that makes a scan of them, if one does."""
    other = guess(data, layout)
    if other is None:
        return InputError(file=path, field=field, expected=expected, found=found, remedy=_REMEDY)
    remedy = f"Write the scan again as {layout.words}, in metres."
    return InputError(file=path, field=field, expected=expected, found=f"{found}; it looks like {other}", remedy=remedy)
