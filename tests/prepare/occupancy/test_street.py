"""A car that parks and then drives off; a run that is killed; real scans, where they are at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.driving import STREET, Box, write_kitti
from voxway.core.grid import VoxelGrid
from voxway.core.voxel_labels import FREE, OCCUPIED
from voxway.core.voxel_labels_file import read_voxel_labels
from voxway.data.recordings import ScanName
from voxway.data.semantickitti.drive import SequenceDrive, open_drives
from voxway.data.semantickitti.layout import read_point_labels
from voxway.metrics.motion import MotionCounts, motion_counts
from voxway.prepare.occupancy.motion import MOVES, read_motion
from voxway.prepare.occupancy.run import prepare
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.prepare.occupancy.work import DriveWork

GRID = VoxelGrid((-12.8, -12.8, -2.0), (0.4, 0.4, 0.4), (96, 64, 8))
SETTINGS = OccupancySettings(every=20, grid=GRID)


def test_a_parked_car_that_leaves_is_there_before_and_gone_after(tmp_path: Path) -> None:
    leaves = Box((14, -3.0, 0), (4, 1.8, 1.6), velocity=10.0, begins_s=4.0, label=252)
    (drive,) = open_drives(write_kitti(tmp_path, 41, (*STREET, leaves), speed=1.0))
    prepare([drive], tmp_path / "out", SETTINGS, show=False)
    shares = []
    for number in (0, 40):
        found = read_voxel_labels(tmp_path / "out/00/labels" / f"{number:06d}.npz")
        centres = np.argwhere(np.ones(GRID.shape)) * 0.4 + np.array(GRID.lower) + 0.2
        world = centres @ found.T_world_frame[:3, :3].T + found.T_world_frame[:3, 3] + (0, 0, 1.8)
        # Its back, which a LiDAR behind it sees.
        back = ((world > (13.9, -2.9, 0.4)) & (world < (14.4, -1.3, 1.5))).all(1).reshape(GRID.shape)
        shares.append([(found.state[back] == state).mean() for state in (OCCUPIED, FREE)])
    (there, _), (still, free) = shares
    assert there > 0.4 and still < 0.05 and free > 0.4


def test_a_killed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (drive,) = open_drives(write_kitti(tmp_path / "a", 28))
    prepare([drive], tmp_path / "whole", SETTINGS, show=False)
    read, left = SequenceDrive.read, [70]

    def killed(self: SequenceDrive, scan: ScanName) -> object:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return read(self, scan)

    monkeypatch.setattr(SequenceDrive, "read", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare([drive], tmp_path / "out", SETTINGS, show=False)
    monkeypatch.undo()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.npz")}
    assert before
    prepare([drive], tmp_path / "out", SETTINGS, show=False)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    for path in (tmp_path / "whole").rglob("*.np?"):
        assert (tmp_path / "out" / path.relative_to(tmp_path / "whole")).read_bytes() == path.read_bytes()


def test_real_scans(data_root: Path, tmp_path: Path) -> None:
    """Things that moved by more than 2 m in that second are found, and little that stands is lost."""
    (drive,) = open_drives(data_root / "semantickitti", ("08",))
    prepare([drive], tmp_path, replace(SETTINGS, grid=None), last="moving", show=False)
    total = MotionCounts()
    for scan in drive.scans:
        points = np.linalg.norm(drive.read(scan).points, axis=1)
        labels = read_point_labels(drive.files_of.point_labels(scan.number), len(points))
        raw = labels & 0xFFFF
        named = (raw >= 252) & (raw <= 259)
        moved = named & np.isin(labels >> 16, (2, 4)) & (raw != 253) & (raw != 254) & (raw != 255)
        scored = (points >= 3) & (points <= 50) & (~named | moved)
        kind = read_motion(DriveWork(drive, tmp_path, SETTINGS).moving_path(scan), len(points))
        total += motion_counts(kind[scored] != MOVES, moved[scored])
    assert total.sa >= 99.5 and total.da >= 65
