"""What cannot make labels is refused, in five parts, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.driving import HEIGHT_M, STEP_S, pose, tum, write_rig
from tests.small_world import execute


@pytest.fixture
def rig(tmp_path: Path) -> Path:
    return write_rig(tmp_path, 10)


def refused(capsys: pytest.CaptureFixture, rig: Path, *more: object) -> str:
    """What is said of the rig; nothing was made."""
    out = rig.parent / "out"
    assert execute("prepare", "occupancy", "--rig", rig, "--out", out, *more) == 2
    assert list(out.rglob("*.np?")) == []
    return capsys.readouterr().err


def scans(rig: Path, change: Callable[[np.ndarray, int], np.ndarray]) -> None:
    for path in sorted((rig.parent / "roof").iterdir()):
        points = np.fromfile(path, "<f4").reshape(-1, 4)
        change(points, int(path.stem)).astype("<f4").tofile(path)


def poses(rig: Path, change: Callable[[float], np.ndarray], times: Callable[[float], float] = float) -> None:
    lines = [tum(n * STEP_S, change).split(" ", 1) for n in range(10)]
    (rig.parent / "poses.txt").write_text("".join(f"{times(float(time))!r} {rest}" for time, rest in lines))


def edit(rig: Path, **changes: object) -> None:
    rig.write_text(json.dumps({**json.loads(rig.read_text()), **changes}))


def test_points_in_the_world(rig: Path, capsys: pytest.CaptureFixture) -> None:
    def place(points: np.ndarray, number: int) -> np.ndarray:
        T = pose(number * STEP_S, 15.0)
        return np.column_stack([points[:, :3] @ T[:3, :3].T + T[:3, 3], points[:, 3]])

    poses(rig, lambda time: pose(time, 15.0))
    scans(rig, place)
    said = refused(capsys, rig)
    assert "sensor's own frame" in said and "place of the vehicle in the world" in said


def test_scans_without_a_pose(rig: Path, capsys: pytest.CaptureFixture) -> None:
    lines = (rig.parent / "poses.txt").read_text().splitlines()[:6]
    (rig.parent / "poses.txt").write_text("\n".join(lines))
    said = refused(capsys, rig)
    assert "a pose within 0.1 s of each scan" in said and "4 of 10 scans" in said


def test_poses_of_another_clock(rig: Path, capsys: pytest.CaptureFixture) -> None:
    poses(rig, pose, lambda time: 1.7e9 + time)
    assert "10 of 10 scans" in refused(capsys, rig)


def test_poses_in_millimetres(rig: Path, capsys: pytest.CaptureFixture) -> None:
    def large(time: float) -> np.ndarray:
        T = pose(time)
        T[:3, 3] *= 1000
        return T

    poses(rig, large)
    assert "millimetres" in refused(capsys, rig)


def test_inverted_poses(rig: Path, capsys: pytest.CaptureFixture) -> None:
    poses(rig, lambda time: np.linalg.inv(pose(time, 12.0)))
    said = refused(capsys, rig)
    assert "poses" in said and ("backwards" in said or "do not lie on each other" in said)


def test_poses_of_a_frame_that_looks_aside(rig: Path, capsys: pytest.CaptureFixture) -> None:
    turn = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    poses(rig, lambda time: pose(time) @ turn)
    assert "sideways" in refused(capsys, rig)


def test_no_poses(rig: Path, capsys: pytest.CaptureFixture) -> None:
    rig.write_text(json.dumps({k: v for k, v in json.loads(rig.read_text()).items() if k != "poses"}))
    assert "where the vehicle was" in refused(capsys, rig)


def test_poses_that_run_backwards(rig: Path, capsys: pytest.CaptureFixture) -> None:
    poses(rig, pose, lambda time: -time)
    assert "a time after that of the line before" in refused(capsys, rig)


def test_a_merged_cloud(rig: Path, capsys: pytest.CaptureFixture) -> None:
    (roof,) = json.loads(rig.read_text())["lidars"]
    edit(rig, lidars=[{**roof, "columns": ["x", "y", "z", "lidar_id"]}])
    assert "scans of one LiDAR" in refused(capsys, rig)


def test_a_merged_cloud_without_a_mark(rig: Path, capsys: pytest.CaptureFixture) -> None:
    """Scans moved to the road below the car, as clouds of several LiDARs mostly are."""
    scans(rig, lambda points, number: points + np.array([0, 0, HEIGHT_M, 0]))
    said = refused(capsys, rig)
    assert "000000.bin" in said and "behind others" in said and "--one-origin" in said


def test_a_person_may_know_better(rig: Path, capsys: pytest.CaptureFixture) -> None:
    scans(rig, lambda points, number: points + np.array([0, 0, HEIGHT_M, 0]))
    out = rig.parent / "out"
    assert execute("prepare", "occupancy", "--rig", rig, "--out", out, "--one-origin", "--last", "evidence") == 0
    assert "behind" not in capsys.readouterr().err


def test_one_cloud_for_two_lidars(rig: Path, capsys: pytest.CaptureFixture) -> None:
    (roof,) = json.loads(rig.read_text())["lidars"]
    front = {**roof, "name": "front", "pose": {"xyz_m": [1, 0, 0], "roll_pitch_yaw_deg": [0, 0, 0]}}
    edit(rig, lidars=[roof, front])
    assert "scans of its own" in refused(capsys, rig)


def test_ids_that_nobody_named(rig: Path, capsys: pytest.CaptureFixture) -> None:
    (rig.parent / "classes.json").write_text('{"0": null, "10": "car", "40": "road"}')
    more = ("--point-labels", rig.parent / "labels", "--classes", rig.parent / "classes.json")
    said = refused(capsys, rig, *more)
    assert "50" in said and "classes.json" in said


def test_labels_of_other_scans(rig: Path, capsys: pytest.CaptureFixture) -> None:
    (rig.parent / "classes.json").write_text('{"0": null, "10": "car", "40": "road", "50": "wall", "252": "car"}')
    (rig.parent / "labels" / "000004.label").write_bytes(b"\0" * 400)
    more = ("--point-labels", rig.parent / "labels", "--classes", rig.parent / "classes.json")
    assert "whole numbers" in refused(capsys, rig, *more)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--cell", 0.3), "a whole number of voxels"),
        (("--every", 0), "--every"),
        (("--point-labels", "x"), "both or neither"),
        (("--shard", "4/4"), "i/N"),
    ],
)
def test_options(rig: Path, capsys: pytest.CaptureFixture, arguments: tuple[object, ...], words: str) -> None:
    assert words in refused(capsys, rig, *arguments)


def test_neither_a_rig_nor_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert execute("prepare", "occupancy", "--out", tmp_path) == 2
    assert "one of them" in capsys.readouterr().err
    assert execute("prepare", "occupancy", "--kitti", tmp_path, "--out", tmp_path / "out") == 2
    assert "sequences/" in capsys.readouterr().err
