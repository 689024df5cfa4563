"""SA, DA, AA and HA, and maps against a slow twin."""

from __future__ import annotations

import math

import numpy as np

from voxway.metrics.motion import MotionCounts, motion_counts, near_map


def test_known_values() -> None:
    kept = np.array([True, True, True, False, False, True])
    moving = np.array([False, False, False, False, True, True])
    found = motion_counts(kept, moving)
    assert found == MotionCounts(3, 4, 1, 2)
    assert (found.sa, found.da) == (75.0, 50.0)
    assert found.aa == math.sqrt(75 * 50) and found.ha == 60.0
    assert found + found == MotionCounts(6, 8, 2, 4)
    assert math.isnan(MotionCounts().sa)


def test_a_map_is_near_where_a_kept_point_is() -> None:
    random = np.random.default_rng(0)
    points = random.uniform(-0.4, 0.4, (300, 3)) + np.array([500, -300, 2])
    kept = random.random(300) < 0.3
    away = np.linalg.norm(points[:, None] - points[None, kept], axis=-1).min(1)
    np.testing.assert_array_equal(near_map(points, kept), kept | (away <= 0.05))
    assert not near_map(points, np.zeros(300, bool)).any()
