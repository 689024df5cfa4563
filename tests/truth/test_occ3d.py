"""Occ3D-like ground truth: the vote over scans, masks and labels that fit together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.truth.toy import FREE, GRID, TASK, in_voxels, looking, random_scans, scan_of
from voxway.core.errors import InputError
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.truth.occ3d import build_occupancy, vote
from voxway.truth.scan import PlacedScan


def test_vote_takes_the_most_frequent_class_and_the_smaller_id_on_a_tie() -> None:
    scans = random_scans(0, 8)
    votes: dict[tuple, Counter] = {}
    for scan in scans:
        for place, label in zip(np.floor(in_voxels(scan.points)).astype(int), scan.labels):
            votes.setdefault(tuple(place.tolist()), Counter())[int(label)] += 1
    expected = np.full(GRID.shape, FREE, np.uint8)
    for place, counter in votes.items():
        if all(0 <= place[axis] < GRID.shape[axis] for axis in range(3)):
            expected[place] = min(counter, key=lambda label: (-counter[label], label))
    np.testing.assert_array_equal(vote(scans, GRID, FREE), expected)


def test_vote_over_points_outside_leaves_all_free() -> None:
    assert (vote([scan_of([[99, 0, 0]], [3])], GRID, FREE) == FREE).all()
    assert (vote([scan_of([], [])], GRID, FREE) == FREE).all()


def test_masks_and_labels_fit_together() -> None:
    truth = build_occupancy(random_scans(5, 6), looking(0.0), TASK)
    assert (truth.task, truth.labelled, list(truth.masks)) == (TASK, True, ["lidar", "camera"])
    np.testing.assert_array_equal(truth.classes, vote(random_scans(5, 6), GRID, FREE))
    lidar, camera = truth.masks["lidar"], truth.masks["camera"]
    assert (lidar | ~truth.occupied).all()
    assert (lidar | ~camera).all()
    assert camera.any()
    assert (lidar & ~camera).any()
    wider = build_occupancy(random_scans(5, 6), looking(0.0), TASK, all_around=True).masks["camera"]
    assert (wider | ~camera).all()
    assert wider.sum() > camera.sum()


def test_labels_that_are_no_class_are_refused() -> None:
    with pytest.raises(InputError, match=r"classes: expected ids 0\.\.17 of toy, or 255, found 18"):
        build_occupancy([scan_of([[3.2, 0.2, 0.3]], [18])], looking(0.0), TASK)


def test_moved_points_make_voxels_but_no_free_space() -> None:
    moved = build_occupancy([scan_of([[3.2, 0.2, 0.3]], [4], straight=[False])], looking(0.0), TASK)
    assert moved.classes[14, 6, 3] == 4
    assert moved.masks["lidar"].sum() == 1


@pytest.mark.real
def test_invariants_hold_in_the_real_sample(data_root: Path) -> None:
    """What the builder promises is so in Occ3D's own file: the camera mask lies within the LiDAR mask."""
    path = next((data_root / "occ3d_nuscenes").glob("*/labels.npz"), None)
    if path is None:
        pytest.skip("no Occ3D sample here")
    stored = np.load(path)
    assert stored["semantics"].shape == OCC3D_NUSCENES.grid.shape
    assert not (stored["mask_camera"] & ~stored["mask_lidar"]).any()


def test_no_scans_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one scan, got none"):
        build_occupancy([], looking(0.0), TASK)


def test_unlike_counts_are_refused() -> None:
    """Where annotations are not checked, as they are in tests."""
    scan = PlacedScan.__new__(PlacedScan)
    parts = {"points": np.zeros((1, 3)), "labels": np.zeros(2, np.uint8), "straight": np.zeros(1, bool)}
    for name, value in parts.items():
        object.__setattr__(scan, name, value)
    with pytest.raises(ValueError, match="1 points, 2 labels, 1 rays"):
        scan.__post_init__()
