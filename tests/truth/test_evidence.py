"""Evidence of rays in known small cases: what is free, what is occupied, and which of the two wins."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.truth.toy import GRID, in_voxels, random_scans, scan_of
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.data.prepared.evidence import Evidence
from voxway.truth.evidence import evidence
from voxway.truth.sight import passed


def test_a_ray_frees_its_way_and_fills_its_end() -> None:
    found = evidence([scan_of([[1.1, 0.2, 0.3]], [1], origin=(-9.0, 0.2, 0.3))], GRID)
    end = tuple(np.floor(in_voxels(np.array([1.1, 0.2, 0.3]))).astype(int))
    assert found[end] == 2
    before = found[: end[0], end[1], end[2]]
    assert (before == 1).all() and (found > 0).sum() == len(before) + 1


def test_ends_win_over_passing_rays() -> None:
    through = scan_of([[3.9, 0.2, 0.3]], [1], origin=(-9.0, 0.2, 0.3))
    at = scan_of([[1.1, 0.2, 0.3]], [1], origin=(-9.0, 0.2, 0.3))
    for scans in ([through, at], [at, through]):
        end = tuple(np.floor(in_voxels(np.array([1.1, 0.2, 0.3]))).astype(int))
        assert evidence(scans, GRID)[end] == 2


def test_of_many_scans_it_is_what_passed_and_what_was_hit() -> None:
    scans = random_scans(1)
    found = evidence(scans, GRID)
    hit = np.zeros(GRID.shape, bool)
    for scan in scans:
        cells = np.floor(in_voxels(scan.points)).astype(int)
        inside = ((cells >= 0) & (cells < GRID.shape)).all(1)
        hit[tuple(cells[inside].T)] = True
    np.testing.assert_array_equal(found == 2, hit)
    np.testing.assert_array_equal(found == 1, passed(scans, GRID) & ~hit)


def test_no_scan_says_nothing() -> None:
    assert not evidence([], GRID).any()
    assert not evidence([scan_of(np.zeros((0, 3)), [], origin=(0.0, 0.0, 0.0))], GRID).any()


TASK = Task(
    name="small",
    grid=VoxelGrid(lower=(0.0, 0.0, 0.0), cell=(1.0, 1.0, 1.0), shape=(4, 2, 2)),
    classes=("free", "thing"),
    palette=((255, 255, 255), (0, 0, 0)),
    free=0,
    foreground=(1,),
)


def test_on_disk(tmp_path) -> None:
    value = np.random.default_rng(0).integers(0, 3, (4, 2, 2)).astype(np.uint8)
    path = Evidence().path(tmp_path, "08/000005")
    Evidence().write(path, value)
    assert path.stat().st_size == 2 * value.size // 8
    assert torch.equal(Evidence().read(path, TASK), torch.from_numpy(value))
    path.write_bytes(b"\xff" * 4)
    with pytest.raises(InputError, match="free, occupied or neither, found 16 that are both"):
        Evidence().read(path, TASK)
    path.write_bytes(b"\xff" * 3)
    with pytest.raises(InputError, match="size: expected 4 bytes"):
        Evidence().read(path, TASK)
