"""check-data of surround-view datasets finds what is missing and what is wrong, names the file and says what to do."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data import toy_nuscenes, toy_waymo
from tests.small_world import rewrite
from voxway.data.checks.report import Report
from voxway.data.nuscenes.check import check_nuscenes
from voxway.data.nuscenes.config import Occ3DNuScenesConfig, OpenOccupancyConfig
from voxway.data.nuscenes.tables import read_tables
from voxway.data.waymo.check import check_occ3d_waymo
from voxway.data.waymo.config import Occ3DWaymoConfig

NEEDS = frozenset({"images", "points", "target", "depth"})
LAST = toy_nuscenes.SCANS - 1


def occ3d(root: Path, **changes: Any) -> Report:
    return check_nuscenes(replace(Occ3DNuScenesConfig(root=root, partial=True, needs=NEEDS), **changes))


def waymo(root: Path, **changes: Any) -> Report:
    return check_occ3d_waymo(replace(Occ3DWaymoConfig(root=root, partial=True, needs=NEEDS), **changes))


def found(report: Report, severity: str, name: str, what: str) -> bool:
    return any(
        finding.severity == severity and name in finding.file and what in finding.what and finding.remedy
        for finding in report.findings
    )


def test_sound_copies_are_usable(nuscenes_root: Path, waymo_root: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    config = Occ3DNuScenesConfig(root=nuscenes_root, partial=True, needs=NEEDS)
    report = check_nuscenes(config, 3, lambda *step: steps.append(step))
    assert report.usable and {finding.severity for finding in report.findings} == {"note"}, report.lines()
    assert (report.frames, report.expected_frames, report.read_frames) == (4, 28130, 3)
    assert report.voxels.sum() == 3 * report.benchmark.grid.count
    assert report.voxels[11] > 0
    assert [step[:2] for step in steps] == [(1, 3), (2, 3), (3, 3)]
    openoccupancy = check_nuscenes(OpenOccupancyConfig(root=nuscenes_root, partial=True, needs=NEEDS), 1)
    assert openoccupancy.usable, openoccupancy.lines()
    assert openoccupancy.voxels[-1] > 0, "noise"
    report = waymo(waymo_root)
    assert report.usable, report.lines()
    assert (report.frames, report.read_frames) == (4, 4)
    assert found(report, "note", "training", "2 sequences; split train has 798")


def test_missing_frames_are_errors_in_copies_that_should_be_whole(nuscenes_root: Path, waymo_root: Path) -> None:
    report = occ3d(nuscenes_root, partial=False)
    assert found(report, "error", "v1.0-trainval", "4 key frames; split train has 28130")
    assert found(report, "error", "v1.0-trainval", "2 scenes; split train has 700")
    assert found(waymo(waymo_root, partial=False), "error", "training", "2 sequences; split train has 798")


def test_an_empty_root(tmp_path: Path) -> None:
    assert found(occ3d(tmp_path), "error", str(tmp_path), "tables: expected a folder v1.0-trainval or v1.0-mini")
    assert found(waymo(tmp_path), "error", "training", "frames: expected SSS/FFF_04.npz")


def test_a_damaged_record_does_not_hide_the_rest(nuscenes_root: Path, tmp_path: Path) -> None:
    infos = [dict(info) for info in read_tables(nuscenes_root / "v1.0-trainval", ["scene-0001", "scene-0002"])]
    infos[0]["cams"] = {name: camera for name, camera in infos[0]["cams"].items() if name != "CAM_BACK"}
    infos[3]["sweeps"] = [{**sweep, "timestamp": sweep["timestamp"] - 1_000_000} for sweep in infos[3]["sweeps"]]
    infos[1]["sweeps"] = []
    (tmp_path / "infos.pkl").write_bytes(pickle.dumps(infos))
    report = occ3d(nuscenes_root, infos=tmp_path / "infos.pkl")
    assert found(report, "error", "infos.pkl", "cams.channels: expected")
    assert found(report, "warning", "infos.pkl", "a sweep is 1.50 s old")
    assert report.read_frames == 3
    (tmp_path / "infos.pkl").write_bytes(pickle.dumps([{**info, "sweeps": []} for info in infos]))
    report = occ3d(nuscenes_root, infos=tmp_path / "infos.pkl")
    assert found(report, "warning", "infos.pkl", "3 of 3 key frames have no sweeps")


def test_mixed_up_records(nuscenes_root: Path, tmp_path: Path) -> None:
    infos = [dict(info) for info in read_tables(nuscenes_root / "v1.0-trainval")]
    infos[1]["lidar_path"] = infos[0]["lidar_path"]
    path = tmp_path / "infos.pkl"
    path.write_bytes(pickle.dumps(infos))
    report = occ3d(nuscenes_root, infos=path)
    assert found(report, "warning", "infos.pkl", "1 scenes do not belong to split train, the first scene-0003")
    assert found(
        report, "error", "infos.pkl", "1 LiDAR scans belong to several key frames, the first LIDAR_TOP_scene-0001"
    )
    path.write_bytes(pickle.dumps([*infos, infos[3]]))
    assert found(occ3d(nuscenes_root, infos=path), "error", "infos.pkl", "token: expected each key frame once")


def _unlink(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).unlink()


def _labels(**changes: Any) -> Callable[[Path], object]:
    def damage(root: Path) -> None:
        path = root / LABELS
        path.unlink()
        np.savez_compressed(path, **{**toy_nuscenes.occ3d_volume(1), **changes})

    return damage


def _early_revision(root: Path) -> None:
    semantics = toy_nuscenes.occ3d_volume(1)["semantics"]
    road = (semantics == 11).any(2)
    semantics[semantics == 11] = 17
    semantics[road, 0] = 11
    _labels(semantics=semantics)(root)


def _quiet_scan(root: Path) -> None:
    points = toy_nuscenes.scan_points("scene-0001", LAST)
    points[:, 3] /= 255
    rewrite(root / LIDAR, points.tobytes())


LIDAR = f"samples/LIDAR_TOP/LIDAR_TOP_scene-0001_{LAST}.pcd.bin"
SWEEP = f"sweeps/LIDAR_TOP/LIDAR_TOP_scene-0001_{LAST - 1}.pcd.bin"
PICTURE = f"samples/CAM_BACK/CAM_BACK_scene-0001_{LAST}.jpg"
LABELS = "gts/scene-0001/sample_aaaaaaaa_1/labels.npz"


@pytest.mark.parametrize(
    ("damage", "severity", "name", "what"),
    [
        (
            _unlink(PICTURE),
            "error",
            "CAM_BACK",
            "1 of 4 pictures of CAM_BACK are missing, the first CAM_BACK_scene-0001",
        ),
        (_unlink(LIDAR), "error", "LIDAR_TOP", "1 of 4 key scans are missing"),
        (_unlink(SWEEP), "error", "LIDAR_TOP", "1 of 20 sweeps are missing"),
        (_unlink(LABELS), "error", "sample_aaaaaaaa_1", "1 of 4 label files are missing, the first labels.npz"),
        (lambda root: rewrite(root / SWEEP, b""), "error", "scene-0001", "1 of 20 sweeps are empty files"),
        (
            lambda root: rewrite(root / LIDAR, bytes(33)),
            "error",
            "scene-0001",
            "size: expected a positive multiple of 20",
        ),
        (lambda root: rewrite(root / PICTURE, b"no"), "error", "CAM_BACK", "picture: expected a whole picture"),
        (_quiet_scan, "warning", "LIDAR_TOP", "nuScenes' go to 255"),
        (_early_revision, "error", "labels.npz", "the early revision of March 2023"),
        (_labels(mask_camera=np.zeros((200, 200, 16), np.uint8)), "warning", "labels.npz", "mask_camera covers 0.0 %"),
        (_labels(semantics=np.full((200, 200, 16), 17, np.uint8)), "warning", "labels.npz", "no occupied voxel"),
        (_labels(semantics=np.full((200, 200, 16), 99, np.uint8)), "error", "labels.npz", "found ids [99]"),
    ],
)
def test_damage_to_nuscenes_is_found(
    nuscenes_copy: Path, damage: Callable[[Path], object], severity: str, name: str, what: str
) -> None:
    damage(nuscenes_copy)
    report = occ3d(nuscenes_copy)
    assert found(report, severity, name, what), report.lines()
    assert report.usable == (severity != "error"), report.lines()


def _turned(root: Path) -> None:
    """All cameras look the way of the first."""
    infos = toy_waymo.infos(toy_waymo.FRAMES["train"])
    for frame in infos[0]:
        frame[1]["sensor2ego"] = frame[0]["sensor2ego"]
    rewrite(root / "cam_infos.pkl", pickle.dumps(infos))


def _inverted(root: Path) -> None:
    infos = toy_waymo.infos(toy_waymo.FRAMES["train"])
    for frame in infos[0]:
        for camera in frame.values():
            camera["sensor2ego"] = np.linalg.inv(camera["sensor2ego"])
    rewrite(root / "cam_infos.pkl", pickle.dumps(infos))


@pytest.mark.parametrize(
    ("damage", "severity", "name", "what"),
    [
        (_turned, "error", "cam_infos.pkl: frame 000/000", "two cameras look the same way"),
        (_inverted, "error", "cam_infos.pkl", "the matrix may be inverted"),
        (_unlink("cam_infos.pkl"), "error", "cam_infos.pkl", "file: expected present"),
        (
            _unlink("kitti_format/training/image_3/0000001.png"),
            "error",
            "image_3",
            "1 of 4 pictures of slot 2 are missing",
        ),
        (_unlink("kitti_format/training/velodyne/0000001.bin"), "error", "velodyne", "1 of 4 scans are missing"),
        (
            lambda root: rewrite(root / "kitti_format/training/velodyne/0000001.bin", bytes(7)),
            "error",
            "0000001.bin",
            "multiple of 24 bytes",
        ),
        (lambda root: rewrite(root / "training/000/001_04.npz", b"PK"), "error", "001_04.npz", "contents"),
        (
            lambda root: toy_waymo.write_labels(
                root / "training/000/001_04.npz",
                {**toy_waymo.volume("000/001"), "infov": np.zeros((200, 200, 16), bool)},
            ),
            "warning",
            "001_04.npz",
            "mask field_of_view covers 0.0 %",
        ),
    ],
)
def test_damage_to_waymo_is_found(
    waymo_copy: Path, damage: Callable[[Path], object], severity: str, name: str, what: str
) -> None:
    damage(waymo_copy)
    report = waymo(waymo_copy)
    assert found(report, severity, name, what), report.lines()
    assert report.usable == (severity != "error"), report.lines()
