"""Thresholds by which moving and standing points are told apart, measured on streets whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from voxway.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class MovingSettings:
    """Thresholds; the defaults suit poses good to 2 cm and LiDARs of 64 beams.

    Raises:
        InputError: a number is out of range.
    """

    voxel_m: float = 0.2
    """Edge of the voxels of the world in which scans are compared."""
    nearest_m: float = 0.5
    """Nearer returns are stray ones of the sensor itself, and left out."""
    farthest_m: float = 50.0
    """Farther returns are neither compared nor used."""
    high_m: float = 12.8
    """Returns farther above or below the sensor are neither compared nor used."""
    from_m: float = 1.0
    """Rays prove that space is free from so far off the sensor."""
    surface_m: float = 0.2
    """The end of each ray that counts as part of what it hit; more where poses or ranges are noisy."""
    seen_free: int = 1
    """Scans that must have seen a voxel free, with all its neighbours, before what is in it moves."""
    free_share: float = 0.3
    """Of the scans that saw a voxel free or hit it, the share above which what is in it moves."""
    passed_share: float | None = None
    """For LiDARs of 32 beams and less, whose rays are too far apart to see neighbours: share of scans whose rays passed
    a voxel, of those that passed or hit it, above which what is in it moves, above the ground. None: not asked."""
    passed: int = 2
    """Scans that must have passed it then."""
    grown_share: float = 0.2
    """Share of a cluster's points that must move for all of it to move."""
    cluster_m: float = 0.3
    """Edge of the voxels that make clusters by touching."""
    cluster_points: tuple[int, int] = (5, 6000)
    """Fewest and most points of a cluster that may become moving as a whole."""
    ground_m: float = 0.2
    """Points less than this above the lowest ones around are ground, and in no cluster."""

    def __post_init__(self) -> None:
        least = {"voxel_m": 0.02, "farthest_m": 1.0, "high_m": 1.0, "cluster_m": 0.05, "ground_m": 0.01}
        for one in fields(self):
            value, low = getattr(self, one.name), least.get(one.name, 0)
            shares = one.name in ("free_share", "passed_share", "grown_share")
            numbers = value if isinstance(value, tuple) else (value,)
            if value is not None and not all(low <= number <= (1 if shares else 1e6) for number in numbers):
                raise InputError(
                    file="thresholds of what moves",
                    field=one.name,
                    expected=f"at least {low:g}" + (", at most 1" if shares else ""),
                    found=value,
                    remedy="Leave it out to take the measured one.",
                )

    def cautious(self) -> MovingSettings:
        """Thresholds for poses that are off by 5 cm or 0.1 degrees from scan to scan, or for noisy sensors."""
        return replace(self, seen_free=3, free_share=0.5, surface_m=0.6)

    def sparse(self) -> MovingSettings:
        """Thresholds for LiDARs of 32 beams and less."""
        return replace(self, passed_share=0.7)
