"""Clusters against a slow twin, growth of what moves, and the ground on a slope."""

from __future__ import annotations

import numpy as np
import pytest

from voxway.core.errors import InputError
from voxway.truth.moving.clusters import clusters, grown
from voxway.truth.moving.ground import ground
from voxway.truth.moving.settings import MovingSettings


def slow(points: np.ndarray, voxel_m: float) -> list[frozenset[int]]:
    """Clusters by flooding."""
    voxel = [tuple(one) for one in np.floor(points / voxel_m).astype(int)]
    left, found = set(range(len(points))), []
    while left:
        front, own = [left.pop()], set()
        while front:
            one = front.pop()
            own.add(one)
            near = {i for i in left if max(abs(a - b) for a, b in zip(voxel[i], voxel[one])) <= 1}
            left -= near
            front += near
        found.append(frozenset(own))
    return sorted(found, key=min)


@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_those_of_flooding(seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-2, 2, (150, 3)) * (1, 1, 0.5)
    number = clusters(points, 0.3)
    found = sorted((frozenset(np.flatnonzero(number == n).tolist()) for n in range(number.max() + 1)), key=min)
    assert found == slow(points, 0.3)


def test_no_points_have_no_clusters() -> None:
    assert len(clusters(np.zeros((0, 3)), 0.3)) == 0


def test_what_moves_grows_to_small_clusters_only() -> None:
    one = np.random.default_rng(0).uniform(0, 1, (100, 3))
    points = np.concatenate([one, one + 10, one + 20])
    moving = np.zeros(300, bool)
    moving[:30] = moving[100:110] = moving[200:230] = True
    low = np.zeros(300, bool)
    low[200:] = True  # ground is in no cluster
    found = grown(points, moving, low, MovingSettings())
    assert found[:100].all() and found[100:200].sum() == 10 and found[200:].sum() == 30
    few = MovingSettings(cluster_points=(5, 50))
    assert grown(points, moving, low, few).sum() == moving.sum()


def test_ground_follows_a_slope_and_leaves_what_stands_on_it() -> None:
    random = np.random.default_rng(0)
    road = np.column_stack([random.uniform(-30, 30, (20000, 2)), np.zeros(20000)])
    road[:, 2] = 0.08 * road[:, 0] + random.normal(0, 0.02, len(road))
    box = random.uniform((10, 3, 1.3), (14, 5, 2.8), (2000, 3))
    found = ground(np.concatenate([road, box]), np.array([0, 0, 1.8]), 0.2, 40.0)
    assert found[:20000].mean() > 0.98 and found[20000:].mean() < 0.05


def test_ground_of_nothing() -> None:
    assert not ground(np.full((3, 3), 90.0), np.zeros(3), 0.2, 40.0).any()


@pytest.mark.parametrize(("name", "value"), [("voxel_m", 0.0), ("free_share", 1.5), ("seen_free", -1)])
def test_impossible_thresholds_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        MovingSettings(**{name: value})
    assert caught.value.field == name
