"""Directions of the rays: 39 pitches times 360 azimuths, fixed in the ego frame of the frame that is scored."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from voxway.core.stamps import digest_of

AZIMUTHS = 360
_NEAR_RINGS = 10
"""Rings that meet flat ground one sensor height apart."""
_HIGHEST = 0.21
"""Radians; a ring is added while the last one is below, so that the last one is above."""
SAID = "39 x 360, from -45 to 12.55 degrees"
"""The rays in a protocol's words."""


def pitches() -> list[float]:
    """Angles of the 39 rings above the horizon, radians, from -45 to 12.55 degrees."""
    angles = [-(math.pi / 2 - math.atan(ring + 1)) for ring in range(_NEAR_RINGS)]
    while angles[-1] < _HIGHEST:
        angles.append(angles[-1] + (angles[-1] - angles[-2]))
    return angles


@lru_cache(maxsize=1)
def directions() -> Float32[np.ndarray, "r 3"]:
    """All 14,040 unit vectors; pitch in the outer loop, azimuth in the inner, 0 along +x and turning to +y. Computed in
    float64, then rounded. Not to be changed in place."""
    pitch = np.array(pitches())[:, None]
    azimuth = np.deg2rad(np.arange(AZIMUTHS, dtype=np.float64))[None]
    x, y = np.cos(pitch) * np.cos(azimuth), np.cos(pitch) * np.sin(azimuth)
    vectors = np.stack([x, y, np.broadcast_to(np.sin(pitch), x.shape)], -1).reshape(-1, 3).astype(np.float32)
    vectors.setflags(write=False)
    return vectors


def fingerprint() -> str:
    """SHA-256 of the directions, as little-endian float32."""
    return digest_of(directions().astype("<f4").tobytes())
