"""RayView: how well a prediction meets the truth along rays, voxel by voxel and by distance, for a page to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from voxway.core.grid import VoxelGrid
from voxway.metrics.rays.counts import distance_error, valid_rays
from voxway.metrics.rays.walk import Hits
from voxway.view.rays import shares_by_distance

NO_RAY = 255
"""In voxels in which no ray ends."""


@dataclass(frozen=True, kw_only=True)
class RayView:
    """Of one frame; volumes are (x, y, z)."""

    truth: UInt8[np.ndarray, "x y z"]
    """Of the rays that end in a voxel in the truth, the share that is right within the smallest threshold, percent."""
    prediction: UInt8[np.ndarray, "x y z"]
    """The same of rays that end there in the prediction; rays that end free in it end nowhere."""
    metres: Sequence[float]
    """Middles of ranges of distances from the origins, of true hits."""
    curves: Mapping[str, Sequence[float | None]]
    """Name -> share of rays that are right in each range, 0..1; None where there is no ray."""
    rays: int
    """How many count."""


def ray_view(
    hits: Hits, grid: VoxelGrid, free: int, thresholds_m: Sequence[float], known: int | None = None
) -> RayView:
    """What rays of a frame say.

    Args:
        hits: in truth and prediction.
        grid: of both.
        free: id of free space.
        thresholds_m: a curve for each.
        known: see `valid_rays`.
    """
    valid, error = valid_rays(hits, free, known), distance_error(hits)
    alike = hits.classes[0] == hits.classes[1]
    right = alike & (error < thresholds_m[0])
    met = valid & (hits.classes[1] != free)
    metres = hits.distance_m[0][valid]
    kinds = {f"right within {limit:g} m": alike & (error < limit) for limit in thresholds_m} | {"class right": alike}
    shares = {name: shares_by_distance(metres, kind[valid]) for name, kind in kinds.items()}
    return RayView(
        truth=_percent(hits.voxel[0][valid], right[valid], grid),
        prediction=_percent(hits.voxel[1][met], right[met], grid),
        metres=next(iter(shares.values()))[0].tolist(),
        curves={name: [None if np.isnan(one) else float(one) for one in share] for name, (_, share) in shares.items()},
        rays=int(valid.sum()),
    )


def _percent(voxel: np.ndarray, right: np.ndarray, grid: VoxelGrid) -> UInt8[np.ndarray, "x y z"]:
    count = np.bincount(voxel, minlength=grid.count)
    hit = np.bincount(voxel, right, minlength=grid.count)
    share = np.divide(100 * hit, count, out=np.full(grid.count, float(NO_RAY)), where=count > 0)
    return share.round().astype(np.uint8).reshape(grid.shape)
