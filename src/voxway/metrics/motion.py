"""How well moving and standing points are told apart: SA, DA, AA and HA, as the DynamicMap benchmark names them.

* SA: share of the standing points that were kept, DA: share of the moving ones that were removed, in percent.
* AA: their geometric mean, HA: their harmonic mean.

Points may be scored by identity, or as that benchmark does, which scores a map: a point counts as kept if the map has
some point within 5 cm. Dense neighbours then rescue points that were removed, so that the two differ by up to 5.

Source: Zhang et al., A Dynamic Points Removal Benchmark in Point Cloud Maps, ITSC 2023, and its published evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

NEAR_M = 0.05
"""How near to a truth's point a map has one if it counts as kept."""


@dataclass(frozen=True)
class MotionCounts:
    """Points by what they are and what became of them; counts of several drives add up."""

    kept_static: int = 0
    static: int = 0
    removed_moving: int = 0
    moving: int = 0

    def __add__(self, other: MotionCounts) -> MotionCounts:
        """Both together."""
        return MotionCounts(
            self.kept_static + other.kept_static,
            self.static + other.static,
            self.removed_moving + other.removed_moving,
            self.moving + other.moving,
        )

    @property
    def sa(self) -> float:
        """Static accuracy, percent; NaN without standing points."""
        return 100 * self.kept_static / self.static if self.static else float("nan")

    @property
    def da(self) -> float:
        """Dynamic accuracy, percent; NaN without moving points."""
        return 100 * self.removed_moving / self.moving if self.moving else float("nan")

    @property
    def aa(self) -> float:
        """Associated accuracy: geometric mean of SA and DA, percent."""
        return float(np.sqrt(self.sa * self.da))

    @property
    def ha(self) -> float:
        """Harmonic accuracy: harmonic mean of SA and DA, percent."""
        total = self.sa + self.da
        return 2 * self.sa * self.da / total if total else 0.0


def motion_counts(kept: Bool[np.ndarray, "p"], moving: Bool[np.ndarray, "p"]) -> MotionCounts:
    """Counts of points.

    Args:
        kept: which were kept.
        moving: which truly move.
    """
    return MotionCounts(
        int((kept & ~moving).sum()), int((~moving).sum()), int((~kept & moving).sum()), int(moving.sum())
    )


def near_map(
    points: Float[np.ndarray, "p 3"], kept: Bool[np.ndarray, "p"], near_m: float = NEAR_M
) -> Bool[np.ndarray, "p"]:
    """Whether the map of the kept points has a point near each.

    Args:
        points: of all scans in the world, metres.
        kept: which of them make the map.
        near_m: how near.
    """
    found = kept.copy()
    wanted = np.flatnonzero(~kept)
    if not len(wanted) or not kept.any():
        return found
    cell = np.floor(points / near_m).astype(np.int64)
    cell -= cell.min(0) - 1
    code = _codes(cell)
    order = np.flatnonzero(kept)[np.argsort(code[kept], kind="stable")]
    known = code[order]
    for way in np.ndindex(3, 3, 3):
        goal = _codes(cell[wanted] + np.array(way) - 1)
        begin, end = np.searchsorted(known, goal, "left"), np.searchsorted(known, goal, "right")
        while len(wanted) and (more := begin < end).any():
            rows = np.flatnonzero(more)
            away = points[wanted[rows]] - points[order[begin[rows]]]
            near = np.einsum("pi,pi->p", away, away) <= near_m**2
            found[wanted[rows[near]]] = True
            begin = begin + 1
            begin[rows[near]] = end[rows[near]]
        left = ~found[wanted]
        wanted = wanted[left]
    return found


def _codes(cell: Int64[np.ndarray, "p 3"]) -> Int64[np.ndarray, "p"]:
    return (cell[:, 0] << 42) + (cell[:, 1] << 21) + cell[:, 2]
