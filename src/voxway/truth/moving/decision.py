"""Which returns of a scan come from something that moves: those where scans have seen nothing before or after.

Counts decide, not sums of logarithms: a `free_share` of 0.3 is what weights of 0.7 and 0.3 would do, without their
limits, and another share needs no second look at the scans.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8

from voxway.truth.moving.counters import CONFIRMED, HITS, PASSES
from voxway.truth.moving.settings import MovingSettings


def moves(
    counts: UInt8[np.ndarray, "3 p"], ground: Bool[np.ndarray, "p"], settings: MovingSettings
) -> Bool[np.ndarray, "p"]:
    """Whether what is in a voxel moves, from the counts of all scans around the time of the return.

    Args:
        counts: hits, passes and confirmed views of the voxel of each return.
        ground: returns of the ground, to which only confirmed views apply.
        settings: thresholds.
    """
    hits, passes, confirmed = (counts[place].astype(np.float32) for place in (HITS, PASSES, CONFIRMED))
    found = (confirmed >= max(settings.seen_free, 1)) & (confirmed > settings.free_share * (confirmed + hits))
    if settings.passed_share is not None:
        often = (passes >= settings.passed) & (passes > settings.passed_share * (passes + hits))
        found |= often & ~ground
    return found
