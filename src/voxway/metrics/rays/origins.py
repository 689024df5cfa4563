"""Where rays start: the places of the LiDAR in the key frames of the same drive, past and future."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64

from voxway.core.rays import RayRules
from voxway.core.stamps import digest_of

Origins = Float64[np.ndarray, "o 3"]
SAID = "LiDAR of the scene's key frames, |x|, |y| < {within:g} m, at most {most} by index"
"""The rule in a protocol's words."""


def drive_origins(
    T_world_ego: Float64[np.ndarray, "n 4 4"], T_ego_lidar: Float64[np.ndarray, "n 4 4"], rules: RayRules
) -> list[Origins]:
    """Origins of every frame of one drive, each in its own ego frame, metres.

    The LiDAR of frame i as seen by the LiDAR of frame r passes through float32, as published; height is not tested.
    There are 1 to `rules.most_origins` of them; with more candidates, a frame's own place need not be among them.

    Args:
        T_world_ego: ego poses at the LiDAR's times, of all key frames of the drive in order of time.
        T_ego_lidar: LiDAR to ego.
        rules: of the benchmark.
    """
    T_world_lidar = T_world_ego @ T_ego_lidar
    found = []
    for number, own in enumerate(T_ego_lidar):
        seen = (np.linalg.inv(T_world_lidar[number]) @ T_world_lidar)[:, :3, 3].astype(np.float32).astype(np.float64)
        seen[number] = 0.0
        places = seen @ own[:3, :3].T + own[:3, 3]
        places = places[(np.abs(places[:, :2]) < rules.within_m).all(1)]
        if len(places) > rules.most_origins:
            places = places[np.round(np.linspace(0, len(places) - 1, rules.most_origins)).astype(np.int64)]
        found.append(places)
    return found


def fingerprint(origins: Mapping[str, Origins]) -> str:
    """SHA-256 of frames and their origins in whole micrometres, a frame's name before its numbers, sorted by name."""
    parts = []
    for key in sorted(origins):
        parts += [key.encode(), np.round(origins[key] * 1e6).astype("<i8").tobytes()]
    return digest_of(b"\n".join(parts))
