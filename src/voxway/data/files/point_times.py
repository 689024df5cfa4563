"""Times of single points of a scan, as drivers of spinning and of solid-state LiDARs write them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

TIMES = ("t", "time", "timestamp", "offset_time", "time_offset")
"""Names of a column of times, the first that is there."""
_SINCE_1970 = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (1e8, 1.0))
"""Times larger than the first count from 1970, in units of so many seconds; smaller ones from the scan's stamp."""


def point_seconds(times: np.ndarray, stamp_s: float) -> Float64[np.ndarray, "p"]:
    """Seconds after the scan's stamp: whole numbers are nanoseconds, others seconds, unless they are so large that they
    count from 1970.

    Args:
        times: one per point, as recorded.
        stamp_s: of the scan, seconds since 1970 where times count from then.
    """
    values = times.astype(np.float64)
    if times.dtype.kind in "iu":
        return values * 1e-9
    largest = float(np.nanmax(values, initial=0.0))
    unit = next((unit for least, unit in _SINCE_1970 if largest > least), None)
    return values if unit is None else values * unit - stamp_s
