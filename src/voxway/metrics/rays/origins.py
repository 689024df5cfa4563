"""Where rays start: the places of the LiDAR in the key frames of the same drive, past and future."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from voxway.core.grid import VoxelGrid
from voxway.core.rays import RayRules
from voxway.core.stamps import digest_of

Origins = Float64[np.ndarray, "o 3"]
_MARGIN_M = 1.0
"""By so much other frames' places lie inside the grid along x and y, where they are not those of the published rule."""
_SAID = {
    "published": "LiDAR of the scene's key frames, |x|, |y| < {within:g} m, at most {most} by index",
    "inside": "LiDAR of the frame, and of the drive's others that lie 1 m inside the grid, at most {most} by index",
    "own": "LiDAR of the frame alone",
}


def said(rules: RayRules) -> str:
    """The rule in a protocol's words."""
    return _SAID[rules.places].format(within=rules.within_m, most=rules.most_origins)


def drive_origins(
    T_world_ego: Float64[np.ndarray, "n 4 4"],
    T_ego_lidar: Float64[np.ndarray, "n 4 4"],
    rules: RayRules,
    grid: VoxelGrid | None = None,
) -> list[Origins]:
    """Origins of every frame of one drive, each in its own ego frame, metres.

    The LiDAR of frame i as seen by the LiDAR of frame r passes through float32, as published; height is not tested.
    There are 1 to `rules.most_origins` of them; as published, with more candidates a frame's own place need not be
    among them.

    Args:
        T_world_ego: ego poses at the LiDAR's times, of all key frames of the drive in order of time.
        T_ego_lidar: LiDAR to ego.
        rules: of the benchmark.
        grid: of the benchmark; only rules that ask for places inside it look at it.

    Raises:
        ValueError: such rules, and no grid.
    """
    T_world_lidar = T_world_ego @ T_ego_lidar
    found = []
    for number, own in enumerate(T_ego_lidar):
        if rules.places == "own":
            found.append(own[None, :3, 3].astype(np.float64))
            continue
        seen = (np.linalg.inv(T_world_lidar[number]) @ T_world_lidar)[:, :3, 3].astype(np.float32).astype(np.float64)
        seen[number] = 0.0
        places = seen @ own[:3, :3].T + own[:3, 3]
        if rules.places == "published":
            found.append(_spread(places[(np.abs(places[:, :2]) < rules.within_m).all(1)], rules.most_origins))
        else:
            others = np.delete(places, number, 0)
            others = others[_inside(others, grid)]
            found.append(np.concatenate([places[number : number + 1], _spread(others, rules.most_origins - 1)]))
    return found


def _inside(places: Origins, grid: VoxelGrid | None) -> np.ndarray:
    if grid is None:
        raise ValueError("origins inside a grid need the grid")
    low, high = np.array(grid.lower[:2]) + _MARGIN_M, np.array(grid.upper[:2]) - _MARGIN_M
    return np.asarray(((places[:, :2] > low) & (places[:, :2] < high)).all(1))


def _spread(places: Origins, most: int) -> Float64[np.ndarray, "most 3"]:
    """At most so many of them, evenly spread by index."""
    if len(places) <= most:
        return places
    return places[np.round(np.linspace(0, len(places) - 1, most)).astype(np.int64)]


def fingerprint(origins: Mapping[str, Origins]) -> str:
    """SHA-256 of frames and their origins in whole micrometres, a frame's name before its numbers, sorted by name."""
    parts = []
    for key in sorted(origins):
        parts += [key.encode(), np.round(origins[key] * 1e6).astype("<i8").tobytes()]
    return digest_of(b"\n".join(parts))
