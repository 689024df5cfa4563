"""In which order do voxels lie in a file that has no shape?

What is occupied is thin and lies together: along each axis, voxels touch others. If a volume is read in the right
order, then far more voxels touch the next one along an axis than the one beside that, three places on in the file. Read
in another order, both are just some voxel farther off, and as many touch the one as the other.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
from jaxtyping import Bool

from voxway.core.faults import Fault

_LEAST = 2000
"""Occupied voxels from which on their order shows."""
_BESIDE = 3
_NONE, _SOME = 1.1, 1.12
"""Real volumes in their right order have 2.6 and more here, in another order less than 1."""
_WORDS = ("z, y, x", "x, z, y", "y, x, z")
"""Orders by where z stands; x and y are alike to the contrast."""


def order_fault(occupied: Bool[np.ndarray, "x y z"]) -> Fault | None:
    """Whether a volume was read in another order than the one in which it was written.

    Args:
        occupied: voxels that hold something, as they were read.
    """
    flat = occupied.ravel()
    if flat.sum() < _LEAST:
        return None
    own = _contrast(flat, occupied.shape, (0, 1, 2))
    if own > _NONE:
        return None
    others = {order: _contrast(flat, occupied.shape, order) for order in permutations(range(3))}
    best = max(others, key=lambda order: others[order])
    if others[best] < max(_SOME, _SOME * own):
        return None
    return Fault(
        "voxels in the order x, y, z, the last one fastest",
        f"voxels that hang together in another order, such as {_WORDS[best.index(2)]}",
        "Write the volume again as (x, y, z) in C order.",
    )


def _contrast(flat: Bool[np.ndarray, "n"], shape: tuple[int, ...], order: tuple[int, ...]) -> float:
    """How many times more voxels touch the next along the slower axes than one beside it; the least of both axes.

    Args:
        flat: voxels as they lie in the file.
        shape: of the volume, by axis.
        order: axes in the file, from the slowest to the fastest.
    """
    fast, middle = shape[order[2]], shape[order[1]]
    contrasts = []
    for step in (fast, fast * middle):
        beside = max(_touching(flat, step - _BESIDE), _touching(flat, step + _BESIDE), 1)
        contrasts.append(_touching(flat, step) / beside)
    return min(contrasts)


def _touching(flat: Bool[np.ndarray, "n"], step: int) -> int:
    return int(np.count_nonzero(flat[step:] & flat[:-step]))
