"""Occ3D-like ground truth: votes, LiDAR and camera masks against slow twins, known small cases."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.data.nuscenes.benchmark import OCC3D_NUSCENES
from voxway.data.occupancy_truth import PlacedScan, build_occupancy, in_view, passed, sighted, vote

GRID = VoxelGrid(lower=(-4.0, -3.0, -1.0), cell=(0.5, 0.5, 0.4), shape=(16, 12, 8))
FREE = 17


def scan_of(points, labels, origin=(0.1, 0.2, 0.3), straight=None) -> PlacedScan:
    points = np.array(points, np.float32).reshape(-1, 3)
    return PlacedScan(
        points=points,
        labels=np.array(labels, np.uint8).reshape(-1),
        origin=np.array(origin),
        straight=np.ones(len(points), bool) if straight is None else np.array(straight),
    )


def random_scans(seed: int, count: int = 3) -> list[PlacedScan]:
    rng = np.random.default_rng(seed)
    return [
        scan_of(
            rng.uniform((-6, -5, -2), (6, 5, 3), (60, 3)),
            rng.integers(0, 5, 60),
            rng.uniform((-5, -2, 0), (5, 2, 2)),
            rng.random(60) < 0.8,
        )
        for _ in range(count)
    ]


def looking(yaw: float, place=(0.0, 0.0, 0.5), size_px=(40, 60), focal: float = 30.0) -> Cameras:
    """A camera that looks horizontally."""
    right, ahead = [math.sin(yaw), -math.cos(yaw), 0.0], [math.cos(yaw), math.sin(yaw), 0.0]
    T_ego_cam = torch.eye(4).double()
    T_ego_cam[:3, :3] = torch.tensor([right, [0.0, 0.0, -1.0], ahead]).T
    T_ego_cam[:3, 3] = torch.tensor(place)
    K = torch.tensor([[focal, 0, size_px[1] / 2], [0, focal, size_px[0] / 2], [0, 0, 1.0]])
    return Cameras.pinhole(K[None], torch.linalg.inv(T_ego_cam)[None], torch.tensor([size_px]))


def line(origin: np.ndarray, end: np.ndarray, blocked: np.ndarray | None = None) -> list[tuple[int, int, int]]:
    """The slow twin: voxels of GRID on a line (in voxels), from the shares at which it meets any border, in order."""
    shares = {0.0, 1.0}
    for axis, count in enumerate(GRID.shape):
        if end[axis] != origin[axis]:
            shares |= {(border - origin[axis]) / (end[axis] - origin[axis]) for border in range(count + 1)}
    shares = sorted(share for share in shares if 0 <= share <= 1)
    own, found = tuple(math.floor(v) for v in origin), []
    for before, after in itertools.pairwise(shares):
        if after - before < 1e-9:
            continue
        place = tuple(math.floor(v) for v in origin + (before + after) / 2 * (end - origin))
        if not all(0 <= place[axis] < GRID.shape[axis] for axis in range(3)):
            continue
        found.append(place)
        if blocked is not None and blocked[place] and place != own:
            break
    return found


def in_voxels(points: np.ndarray) -> np.ndarray:
    return (np.asarray(points, np.float64) - GRID.lower) / np.array(GRID.cell)


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


@pytest.mark.parametrize("seed", range(4))
def test_rays_pass_what_the_twin_says(seed: int) -> None:
    scans = random_scans(seed)
    expected = np.zeros(GRID.shape, bool)
    for scan in scans:
        ends, used = in_voxels(scan.points[scan.straight]), set()
        for end in ends:
            cell = tuple(np.floor(end).astype(int))
            if cell not in used:
                used.add(cell)
                for place in line(in_voxels(scan.origin), end):
                    expected[place] = True
    np.testing.assert_array_equal(passed(scans, GRID), expected)


def test_a_ray_along_an_axis_passes_one_row() -> None:
    seen = passed([scan_of([[3.9, 0.2, 0.3]], [1], origin=(-9.0, 0.2, 0.3))], GRID)
    expected = np.zeros(GRID.shape, bool)
    expected[:, 6, 3] = True
    np.testing.assert_array_equal(seen, expected)


def test_rays_that_miss_the_grid_pass_nothing() -> None:
    away = [scan_of([[9, 9, 9]], [1], origin=(9.0, -9.0, 9.0)), scan_of([[9.0, 9.0, 0]], [1], origin=(-9.0, 9.0, 0.0))]
    assert not passed(away, GRID).any()


@pytest.mark.parametrize("all_around", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_lines_of_sight_are_those_of_the_twin(seed: int, all_around: bool) -> None:
    rng = np.random.default_rng(seed)
    occupied = rng.random(GRID.shape) < 0.06
    cameras = [looking(0.3, (0.05, 0.1, 0.5)), looking(2.5, (-5.0, 0.3, 0.4))]
    expected = np.zeros(GRID.shape, bool)
    for camera in cameras:
        place = torch.linalg.inv(camera.T_cam_ego[0])[:3, 3].numpy()
        for index in np.argwhere(occupied):
            centre = np.array(GRID.lower) + (index + 0.5) * np.array(GRID.cell)
            pixels, depth = camera.project(torch.from_numpy(centre[None]))
            if all_around or bool(camera.visible(pixels, depth)):
                for voxel in line(in_voxels(place), index + 0.5, occupied):
                    expected[voxel] = True
    assert expected.any()
    both = Cameras(
        **{name: torch.cat([getattr(c, name) for c in cameras]) for name in ("K", "T_cam_ego", "size_px", "T_image")}
    )
    np.testing.assert_array_equal(sighted(occupied, both, GRID, all_around), expected)


def test_what_stands_behind_is_not_seen() -> None:
    occupied = np.zeros(GRID.shape, bool)
    occupied[10], occupied[14] = True, True
    seen = sighted(occupied, looking(0.0), GRID)
    assert seen[10].any()
    assert not seen[11:].any()
    assert not seen[:8].any()


def test_a_road_seen_at_a_low_angle_is_seen() -> None:
    occupied = np.zeros(GRID.shape, bool)
    occupied[:, :, 0] = True
    seen = sighted(occupied, looking(0.0, (-3.9, 0.1, 1.0), focal=20.0), GRID)
    # Lines end at voxels' centres, so the last voxels of the grid lie behind where all lines have ended.
    assert seen[6:13, 6, 0].all()


def test_the_camera_s_own_voxel_hides_nothing() -> None:
    occupied = np.zeros(GRID.shape, bool)
    occupied[8, 6, 3] = occupied[12, 6, 3] = True
    assert sighted(occupied, looking(0.0, (0.1, 0.2, 0.4)), GRID)[12, 6, 3]


def test_field_of_view_is_where_centres_project_into_the_image() -> None:
    cameras = looking(0.4)
    pixels, depth = cameras.project(GRID.centres().reshape(-1, 3).double())
    u, v = pixels[0].T
    expected = (depth[0] > 0) & (u > 0) & (u < 60) & (v > 0) & (v < 40)
    np.testing.assert_array_equal(in_view(cameras, GRID), expected.reshape(GRID.shape).numpy())


def test_masks_and_labels_fit_together() -> None:
    truth = build_occupancy(random_scans(5, 6), looking(0.0), GRID, FREE)
    occupied = truth.labels != FREE
    assert (truth.lidar | ~occupied).all()
    assert (truth.lidar | ~truth.camera).all()
    assert truth.camera.any()
    assert (truth.lidar & ~truth.camera).any()
    wider = build_occupancy(random_scans(5, 6), looking(0.0), GRID, FREE, all_around=True)
    assert (wider.camera | ~truth.camera).all()
    assert wider.camera.sum() > truth.camera.sum()


def test_moved_points_make_voxels_but_no_free_space() -> None:
    moved = build_occupancy([scan_of([[3.2, 0.2, 0.3]], [4], straight=[False])], looking(0.0), GRID, FREE)
    assert moved.labels[14, 6, 3] == 4
    assert moved.lidar.sum() == 1


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
        build_occupancy([], looking(0.0), GRID, FREE)


def test_unlike_counts_are_refused() -> None:
    """Where annotations are not checked, as they are in tests."""
    scan = PlacedScan.__new__(PlacedScan)
    parts = {"points": np.zeros((1, 3)), "labels": np.zeros(2, np.uint8), "straight": np.zeros(1, bool)}
    for name, value in parts.items():
        object.__setattr__(scan, name, value)
    with pytest.raises(ValueError, match="1 points, 2 labels, 1 rays"):
        scan.__post_init__()
