"""What one scan proves, and what counts of several say: worked by hand on a few voxels, and on a small street."""

from __future__ import annotations

import numpy as np

from voxway.truth.moving.counters import CONFIRMED, HITS, PASSES, TILE, Counters, tiles_of
from voxway.truth.moving.decision import moves
from voxway.truth.moving.evidence import ScanEvidence, scan_evidence, usable
from voxway.truth.moving.settings import MovingSettings

SETTINGS = MovingSettings(voxel_m=0.2)


def wall(x_m: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Returns of a wall, close to each other, and where the sensor was."""
    y, z = np.meshgrid(np.arange(-1, 1, 0.04), np.arange(-1, 1, 0.04))
    points = np.stack([np.full(y.size, x_m + 0.1), y.ravel(), z.ravel()], 1)
    return points, np.zeros_like(points)


def at(volume: np.ndarray, evidence: ScanEvidence, *place_m: float) -> bool:
    return bool(volume[tuple(np.floor(np.array(place_m) / 0.2).astype(int) - evidence.lower)])


def test_rays_pass_up_to_just_before_what_they_hit() -> None:
    found = scan_evidence(*wall(), SETTINGS)
    assert found is not None
    assert at(found.hit, found, 5.1, 0.1, 0.1) and not at(found.hit, found, 4.9, 0.1, 0.1)
    assert at(found.passed, found, 4.5, 0.1, 0.1) and at(found.passed, found, 1.3, 0.1, 0.1)
    assert not at(found.passed, found, 4.9, 0.1, 0.1)  # the last 0.2 m belong to the wall
    assert not at(found.passed, found, 0.5, 0.1, 0.1)  # too near
    assert not (found.hit & found.passed).any()


def test_free_is_confirmed_in_the_middle_only() -> None:
    found = scan_evidence(*wall(), SETTINGS)
    assert found is not None
    assert at(found.confirmed, found, 4.1, 0.1, 0.1)
    middle = np.argwhere(found.confirmed[20]) + found.lower[1:]
    seen = np.argwhere(found.passed[20]) + found.lower[1:]
    assert seen.min() < middle.min() and middle.max() < seen.max()


def test_a_ray_ends_where_it_enters_a_surface_of_its_own_scan() -> None:
    """A return behind a wall, through a gap that is none: what lies between is not free."""
    points, _ = wall()
    behind = np.array([[9.0, 0.1, 0.1]])
    found = scan_evidence(np.concatenate([points, behind]), np.zeros((len(points) + 1, 3)), SETTINGS)
    assert found is not None
    assert at(found.hit, found, *behind[0]) and not at(found.passed, found, 7.0, 0.1, 0.1)


def test_what_is_not_usable_is_not_used() -> None:
    points = np.array([[0.1, 0, 0], [60, 0, 0], [20, 0, 20.0]])
    assert not usable(points, np.zeros_like(points), SETTINGS).any()
    assert scan_evidence(points, np.zeros_like(points), SETTINGS) is None


def test_rays_begin_where_the_sensor_was_for_each() -> None:
    points, origins = wall()
    found = scan_evidence(points, origins + np.array([0, 0, 3.0]), SETTINGS)
    assert found is not None
    assert at(found.passed, found, 2.5, 0.1, 1.5) and not at(found.passed, found, 2.5, 0.1, 0.1)


def test_counts_do_not_depend_on_tiles() -> None:
    """A box across corners of tiles, counted and asked for."""
    random = np.random.default_rng(0)
    lower = np.array(TILE) - 3
    volumes = [random.random((7, 8, 9)) < 0.5 for _ in range(3)]
    counters = Counters()
    for _ in range(2):
        counters.add(ScanEvidence(lower, *volumes))
    voxels = np.argwhere(np.ones((7, 8, 9), bool))
    found = counters.at(voxels + lower)
    for place, volume in zip((HITS, PASSES, CONFIRMED), volumes):
        np.testing.assert_array_equal(found[place], 2 * volume.ravel())
    assert len(counters.tiles) == 8 == len(tiles_of(voxels + lower))
    again = Counters()
    for place in counters.tiles:
        again.merge(place, counters.some(place))
    np.testing.assert_array_equal(again.at(voxels + lower), found)
    assert not counters.at(np.array([[10**6, 0, 0]])).any()


def test_counts_stop_at_255() -> None:
    one = np.ones((1, 1, 1), bool)
    counters = Counters()
    for _ in range(300):
        counters.add(ScanEvidence(np.zeros(3, np.int64), one, ~one, ~one))
    for place in list(counters.tiles):
        counters.merge(place, counters.some(place))
    assert counters.at(np.zeros((1, 3), np.int64)).ravel().tolist() == [255, 0, 0]


def test_shares_decide() -> None:
    counts = np.array([[0, 5, 2, 2, 3], [0, 9, 9, 0, 9], [1, 1, 1, 0, 0]], np.uint8)
    none = np.zeros(5, bool)
    assert moves(counts, none, SETTINGS).tolist() == [True, False, True, False, False]
    assert moves(counts, none, SETTINGS.cautious()).tolist() == [False] * 5
    assert moves(counts, none, SETTINGS.sparse()).tolist() == [True, False, True, False, True]
    assert moves(counts, ~none, SETTINGS.sparse()).tolist() == [True, False, True, False, False]
