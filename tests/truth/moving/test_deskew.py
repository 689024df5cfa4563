"""Scans of a vehicle that moves while its LiDAR turns; the vehicle itself; how well poses fit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.driving import STREET, cast, pose
from voxway.truth.moving.deskew import placed, spin_times
from voxway.truth.moving.ego_body import FEWEST, EgoBody, learn
from voxway.truth.moving.fit import fit


def poses(times: np.ndarray) -> np.ndarray:
    return np.stack([pose(float(time), speed=10.0) for time in times])


def recorded(time_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A wall as a turning LiDAR sees it: points, times after the scan's, and the truth in the world."""
    points, _, share = cast(time_s, STREET, speed=10.0)
    truth = points @ pose(time_s, 10.0)[:3, :3].T + pose(time_s, 10.0)[:3, 3]
    after = (share * 0.1).astype(np.float32)
    T = np.linalg.inv(poses(time_s + after.astype(np.float64)))
    return (np.einsum("pij,pj->pi", T[:, :3, :3], truth) + T[:, :3, 3]).astype(np.float32), after, truth


def test_times_put_points_where_they_were() -> None:
    points, after, truth = recorded(2.0)
    found, origins = placed(points, after, 2.0, poses)
    assert np.abs(found - truth).max() < 2e-3
    np.testing.assert_allclose(origins, poses(2.0 + after.astype(np.float64))[:, :3, 3], atol=1e-3)
    smeared = placed(points, None, 2.0, poses)[0]
    assert np.linalg.norm(smeared - truth, axis=1).max() > 0.9


@pytest.mark.parametrize(("stamp", "late"), [("start", 0.0), ("middle", 0.05), ("end", 0.1)])
def test_times_of_a_spinning_lidar_come_from_directions(stamp, late: float) -> None:
    points, after, _ = recorded(2.0)
    assert np.abs(spin_times(points, 0.1, stamp) + late - after).max() < 5e-3
    mirrored = points * np.array([1, -1, 1], np.float32)
    assert np.abs(spin_times(mirrored, 0.1, stamp) + late - after).max() < 5e-3


def test_the_vehicle_is_what_moves_along() -> None:
    hood = np.random.default_rng(0).uniform((1.0, -0.8, -0.9), (2.4, 0.8, -0.7), (400, 3))
    scans = [np.concatenate([cast(n / 2, STREET)[0], hood]) for n in range(FEWEST)]
    body = learn(scans)
    assert body.covers(hood).mean() > 0.97
    assert body.covers(cast(0.3, STREET)[0]).mean() < 0.01
    low, high = body.box_m or ([], [])
    assert low[2] < -0.8 and high[0] < 3.0


def test_without_scans_of_a_moving_car_the_vehicle_is_a_sphere() -> None:
    body = learn([])
    assert body == EgoBody(None)
    assert body.covers(np.array([[2.9, 0, 0], [3.1, 0, 0]])).tolist() == [True, False]


def test_a_fit_sees_centimetres() -> None:
    first, second = (cast(t, STREET, columns=720)[0] @ pose(t)[:3, :3].T + pose(t)[:3, 3] for t in (1.0, 1.1))
    good = fit(first, second)
    assert good.shift_m < 0.02 and good.turn_deg < 0.05 and good.share > 0.9
    off = fit(first, second + np.array([0.1, 0.15, 0.0]))
    assert abs(off.shift_m - np.hypot(0.1, 0.15)) < 0.05
    assert fit(first, second * (1, -1, 1) + np.array([7, 0, 3])).share < 0.6
