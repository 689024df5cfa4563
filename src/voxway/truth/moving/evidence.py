"""What one scan proves of the voxels of the world: hit, passed by rays, or confirmed to be free.

* E, the surface: voxels with a return, and those within `surface_m` before one.
* P, passed: voxels that rays cross between `from_m` and there. A ray ends where it enters E, wherever its own return
  lies: rays that graze a road or slip along a wall prove nothing about it.
* F, confirmed: voxels of P whose 26 neighbours all lie in P or E. A voxel at the rim of what the scan saw may be
  half full; one in the middle is not.

The confirmation is that of DUFOMap (Duberg et al., 2024), the counting is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from voxway.truth.moving.settings import MovingSettings

_FRACTION = 16
"""Bits of the fraction in positions along rays: whole numbers add up without rounding."""
_TIDY = 8
"""Steps after which rays that met a surface are let go."""


@dataclass(frozen=True)
class ScanEvidence:
    """What a scan proves, as volumes of a box of the world's voxels.

    Attributes:
        lower: voxel of the world at the box's low corner.
        hit: voxels with a return.
        passed: voxels that rays crossed, none of them with a return or just before one.
        confirmed: of those, the ones whose neighbours the scan saw as well.
    """

    lower: Int64[np.ndarray, "3"]
    hit: Bool[np.ndarray, "x y z"]
    passed: Bool[np.ndarray, "x y z"]
    confirmed: Bool[np.ndarray, "x y z"]


def usable(
    points: Float64[np.ndarray, "p 3"], origins: Float64[np.ndarray, "p 3"], settings: MovingSettings
) -> Bool[np.ndarray, "p"]:
    """Which returns are compared: neither too near nor too far from where the sensor was.

    Args:
        points: metres, in a frame with z up.
        origins: where the sensor was when it saw each of them, same frame.
        settings: says how near and far.
    """
    way = points - origins
    far = np.einsum("pi,pi->p", way, way)
    low, high = settings.nearest_m**2, settings.farthest_m**2
    return (far >= low) & (far <= high) & (np.abs(way[:, 2]) <= settings.high_m)


def scan_evidence(
    points: Float64[np.ndarray, "p 3"], origins: Float64[np.ndarray, "p 3"], settings: MovingSettings
) -> ScanEvidence | None:
    """What a scan proves; None where no return is usable.

    Args:
        points: returns in the world, metres.
        origins: where the sensor was when it saw each of them, same frame.
        settings: edge of a voxel, ranges and surface.
    """
    chosen = usable(points, origins, settings)
    if not chosen.any():
        return None
    end, start = points[chosen] / settings.voxel_m, origins[chosen] / settings.voxel_m
    # One voxel more on every side, so that no neighbour lies outside.
    lower = np.floor(np.minimum(end.min(0), start.min(0))).astype(np.int64) - 1
    upper = np.floor(np.maximum(end.max(0), start.max(0))).astype(np.int64) + 2
    shape = upper - lower
    end, start = end - lower, start - lower
    hit, surface = np.zeros(shape, bool), np.zeros(shape, bool)
    voxel = _flat(np.floor(end).astype(np.int64), shape)
    hit.reshape(-1)[voxel] = True
    _mark_surface(surface.reshape(-1), start, end, settings, shape)
    _, first = np.unique(voxel, return_index=True)
    passed = _march(surface, start[first], end[first], settings)
    confirmed = passed & _eroded(passed | surface)
    return ScanEvidence(lower, hit, passed, confirmed)


def _flat(index: Int64[np.ndarray, "p 3"], shape: Int64[np.ndarray, "3"]) -> Int64[np.ndarray, "p"]:
    return (index[:, 0] * shape[1] + index[:, 1]) * shape[2] + index[:, 2]


def _mark_surface(
    surface: Bool[np.ndarray, "v"],
    start: Float64[np.ndarray, "p 3"],
    end: Float64[np.ndarray, "p 3"],
    settings: MovingSettings,
    shape: Int64[np.ndarray, "3"],
) -> None:
    """Mark (in `surface`) the voxels of returns and of what lies before them, half a voxel at a time."""
    way = end - start
    length = np.linalg.norm(way, axis=1, keepdims=True)
    steps = int(np.ceil(settings.surface_m / settings.voxel_m * 2))
    for step in range(steps + 1):
        back = min(step * 0.5, settings.surface_m / settings.voxel_m)
        place = end - way * np.minimum(back / length, 1)
        surface[_flat(np.floor(place).astype(np.int64), shape)] = True


def _march(
    surface: Bool[np.ndarray, "x y z"],
    start: Float64[np.ndarray, "p 3"],
    end: Float64[np.ndarray, "p 3"],
    settings: MovingSettings,
) -> Bool[np.ndarray, "x y z"]:
    """Voxels that rays cross until they enter a surface, sampled every half voxel; all rays at once."""
    way = end - start
    length = np.linalg.norm(way, axis=1)
    order = np.argsort(-length, kind="stable")  # longest first: those still on their way are the first ones
    way, length, start = way[order] / length[order, None], length[order], start[order]
    begin, cell = settings.from_m / settings.voxel_m, settings.voxel_m
    place = _fixed(start + way * begin)
    step = _fixed(way * 0.5)
    left = np.floor((length - begin - settings.surface_m / cell) * 2).astype(np.int64)
    passed = np.zeros(surface.shape, bool)
    stops, marks = surface.reshape(-1), passed.reshape(-1)
    across, up = np.int32(surface.shape[1] * surface.shape[2]), np.int32(surface.shape[2])
    alive = np.ones(len(left), bool)
    for number in range(int(left[0]) if len(left) else 0):
        count = int(np.searchsorted(-left, -number))
        place, step, left, alive = place[:, :count], step[:, :count], left[:count], alive[:count]
        x, y, z = place >> _FRACTION
        voxel = x * across + y * up + z
        alive = alive & ~stops[voxel]
        marks[voxel[alive]] = True
        if number % _TIDY == 0:
            place, step, left, alive = place[:, alive], step[:, alive], left[alive], alive[alive]
        place = place + step
    return passed


def _fixed(values: Float64[np.ndarray, "p 3"]) -> Int32[np.ndarray, "3 p"]:
    return np.ascontiguousarray(np.round(values * (1 << _FRACTION)).astype(np.int32).T)


def _eroded(seen: Bool[np.ndarray, "x y z"]) -> Bool[np.ndarray, "x y z"]:
    """Voxels whose 26 neighbours are all set; none at the rim of the box."""
    whole = np.zeros_like(seen)
    inner = seen[1:-1] & seen[:-2] & seen[2:]
    inner = inner[:, 1:-1] & inner[:, :-2] & inner[:, 2:]
    whole[1:-1, 1:-1, 1:-1] = inner[..., 1:-1] & inner[..., :-2] & inner[..., 2:]
    return whole
