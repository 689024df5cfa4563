"""LiDAR rays and lines of sight against slow twins, and in known small cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.oracles import traverse as oracle
from tests.truth.toy import GRID, in_voxels, looking, random_scans, scan_of
from voxway.core.camera import Cameras
from voxway.truth.sight import in_view, passed, sighted


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
                for place in oracle.line(in_voxels(scan.origin), end, GRID.shape):
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
        place = in_voxels(torch.linalg.inv(camera.T_cam_ego[0])[:3, 3].numpy())
        blocks, own = occupied.copy(), tuple(np.floor(place).astype(int))
        if all(0 <= own[axis] < GRID.shape[axis] for axis in range(3)):
            blocks[own] = False
        for index in np.argwhere(occupied):
            centre = np.array(GRID.lower) + (index + 0.5) * np.array(GRID.cell)
            pixels, depth = camera.project(torch.from_numpy(centre[None]))
            if all_around or bool(camera.visible(pixels, depth)):
                for voxel in oracle.line(place, index + 0.5, GRID.shape, blocks):
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
