"""A drive of a few scans past a wall, written as SemanticKITTI files: small, quick, and right in every detail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from voxway.data.files.flags import write_flags
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import (
    Calibration,
    SequenceFiles,
    write_calibration,
    write_point_labels,
    write_poses,
    write_scan,
    write_times,
    write_voxel_labels,
)
from voxway.truth.semantickitti import LabelledScan, build_truth

SIZE_PX = (40, 120)
ROAD, BUILDING, UNLABELLED = 40, 50, 0
SCANS = 7


def calibration() -> Calibration:
    """Cameras 0.54 m apart that look along x; 120 x 40 px with KITTI's focal length scaled down."""
    P2 = np.array([[70.0, 0, 60, 4.5], [0, 70, 20, 0], [0, 0, 1, 0.003]])
    P3 = P2.copy()
    P3[0, 3] = 4.5 - 70 * 0.54
    T_cam_velo = np.array([[0.0, -1, 0, 0], [0, 0, -1, -0.07], [1, 0, 0, -0.3], [0, 0, 0, 1]])
    return Calibration(P2, P3, T_cam_velo)


def pose(scan: int) -> np.ndarray:
    """The car drives 0.8 m per scan, straight on."""
    T_world_velo = np.eye(4)
    T_world_velo[0, 3] = 0.8 * scan
    return T_world_velo


def labelled_scan(scan: int, seed: int = 0) -> LabelledScan:
    """Road below, a wall to the left, both sampled at random, a few points unlabelled."""
    rng = np.random.default_rng(seed + scan)
    road = np.stack([rng.uniform(3, 40, 4000), rng.uniform(-8, 8, 4000), np.full(4000, -1.73)], 1)
    wall = np.stack([rng.uniform(3, 40, 3000), np.full(3000, 8.1), rng.uniform(-1.7, 2, 3000)], 1)
    places = np.concatenate([road, wall])
    labels = np.repeat(np.array([ROAD, BUILDING], np.uint32), [4000, 3000])
    labels[rng.random(7000) < 0.02] = UNLABELLED
    labels |= np.uint32(7) << np.uint32(16)
    points = np.concatenate([places, rng.random((7000, 1))], 1).astype(np.float32)
    return LabelledScan(points, labels, pose(scan))


def write_sequence(root: Path, sequence: str = "08", frames: tuple[int, ...] = (0, 5)) -> SequenceFiles:
    """Write the drive; frames in `frames` get voxels."""
    files = SequenceFiles(root, sequence)
    scans = [labelled_scan(number) for number in range(SCANS)]
    write_calibration(files.calibration, calibration())
    write_poses(files.poses, np.stack([scan.T_world_velo for scan in scans]), calibration().T_cam_velo)
    write_times(files.times, np.arange(SCANS) * 0.1)
    for number, scan in enumerate(scans):
        write_scan(files.scan(number), scan.points)
        write_point_labels(files.point_labels(number), scan.labels)
        for camera in (2, 3):
            files.image(camera, number).parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 255, (*SIZE_PX, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(files.image(camera, number))
    for frame in frames:
        truth = build_truth(scans[frame:], SEMANTIC_KITTI.grid)
        write_voxel_labels(files.voxels(frame, "label"), truth.labels)
        write_flags(files.voxels(frame, "bin"), truth.occupied)
        write_flags(files.voxels(frame, "invalid"), truth.invalid)
        write_flags(files.voxels(frame, "occluded"), truth.occluded)
    return files
