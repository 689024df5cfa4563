"""Two short drives written as SSCBench-KITTI-360's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data import toy
from voxway.data.files.flags import write_flags
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.kitti360.calibration import Calibration, write_calibration
from voxway.data.kitti360.layout import DriveFiles
from voxway.data.kitti360.poses import poses_text

DRIVES = ("2013_05_28_drive_0000_sync", "2013_05_28_drive_0002_sync")
FRAMES = ("000000", "000005")
SIZE_PX = toy.SIZE_PX


def calibration() -> Calibration:
    """A pair 0.6 m apart that looks along x."""
    known = toy.calibration()
    left = np.array([[70.0, 0, 60, 0], [0, 70, 20, 0], [0, 0, 1, 0]])
    right = left.copy()
    right[0, 3] = -70 * 0.6
    return Calibration(np.stack([left, right]), known.T_cam_velo)


def target(frame: str) -> np.ndarray:
    """A road, a wall, and what nobody saw."""
    volume = np.zeros(SSCBENCH_KITTI360.grid.shape, np.uint8)
    volume[20:200, 100:156, 1] = 7
    volume[20:200, 168, 2:20] = 11
    volume[200:] = 255
    volume[50 + int(frame), 120:128, 2:8] = 1
    return volume


def write_kitti360(root: Path) -> Path:
    """Write everything."""
    for path, content in write_calibration(root / "calibration", calibration()).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for number, drive in enumerate(DRIVES):
        files = DriveFiles(root, drive, root / "preprocess" / "labels")
        files.poses.parent.mkdir(parents=True)
        files.poses.write_bytes(poses_text({n: toy.pose(n) for n in range(6)}, calibration().T_cam_velo))
        for scan in range(6):
            _write(files.scan(f"{scan:06d}"), toy.labelled_scan(scan, seed=100 * number).points.tobytes())
            for camera in (0, 1):
                path = files.image(0 if camera == 0 else 1, f"{scan:06d}")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((*SIZE_PX, 3), 20 + 40 * camera + scan, np.uint8)).save(path)
        for frame in FRAMES:
            write_flags(files.voxels(frame), target(frame) == 7)
            path = files.target(frame)
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, target(frame))
    return root


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
