"""Poses from scans alone: of the scans' own times, made once, like the true ones; and what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.driving import STEP_S, STREET, cast, pose, write_kitti, write_rig
from tests.small_world import execute
from voxway.data.recordings import Scan, ScanName
from voxway.data.semantickitti.drive import open_drives
from voxway.prepare.occupancy import poses as made_poses
from voxway.prepare.occupancy.odometry import kiss_icp, odometry
from voxway.prepare.occupancy.poses import poses_from_scans
from voxway.prepare.occupancy.settings import OccupancySettings

SETTINGS = OccupancySettings()
TURN_S = 0.1


class Turning:
    """Scans of a LiDAR on a car that goes straight on, as a turn of 0.1 s records them."""

    name, frame, root = "straight", "ego", Path("straight")
    scans = tuple(ScanName(STEP_S * number, "roof", number) for number in range(5))

    def T_ego_sensor(self, sensor: str) -> np.ndarray:
        T = np.eye(4)
        T[:3, 3] = (1.0, 0.0, 1.8)
        return T

    def files(self, scan: ScanName) -> tuple[Path, ...]:
        return (Path(f"{scan.number}.bin"),)

    def true(self, time_s: float) -> np.ndarray:
        """The sensor's place, which is all of its pose."""
        return np.array([8.0 * time_s, 0.0, 1.8])

    def read(self, scan: ScanName) -> Scan:
        points, _, share = cast(0.0, STREET)
        after = (share * TURN_S).astype(np.float32)
        moved = np.array([self.true(scan.time_s + one) - self.true(0.0) for one in np.unique(after)])
        seen = points - moved[np.searchsorted(np.unique(after), after)]
        return Scan(points=seen.astype(np.float32), after_s=after)


def test_scans_are_made_rigid_at_their_own_time() -> None:
    drive, given = Turning(), []
    still = cast(0.0, STREET)[0]

    def register(points: np.ndarray) -> np.ndarray:
        T = np.eye(4)
        T[:3, 3] = drive.true(STEP_S * len(given)) - drive.true(0.0)
        given.append(points + T[:3, 3])
        return T

    track = odometry(drive, SETTINGS, register, show=False)
    off = [np.abs(points - still).max() for points in given]
    assert off[0] > 0.7  # nothing tells how fast it goes before two scans have been laid on each other
    assert max(off[2:]) < 1e-4
    times = np.array([-0.1, 0.3, STEP_S * 4 + 0.1])
    np.testing.assert_allclose(track.at(times)[:, :3, 3], np.outer(8.0 * times, [1, 0, 0]), atol=1e-9)
    assert track.inner == "ego"


def known(drive: object, *_: object, **__: object) -> object:
    """Poses as registration would find them."""
    return odometry(drive, SETTINGS, Known(), show=False)


class Known:
    """Registration that knows the answers."""

    def __init__(self) -> None:
        self.number = -1

    def __call__(self, points: np.ndarray) -> np.ndarray:
        self.number += 1
        return np.linalg.inv(pose(0.0)) @ pose(self.number * STEP_S)


def test_poses_are_made_once_and_again_when_a_scan_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_kitti(tmp_path / "world", 6)
    (given,) = open_drives(root)
    (root / "sequences/00/poses.txt").unlink()
    monkeypatch.setattr(made_poses, "odometry", known)
    (drive,) = open_drives(root, (), poses_from_scans(tmp_path / "out", SETTINGS, show=False))
    times = np.array([scan.time_s for scan in drive.scans])
    np.testing.assert_allclose(drive.track.at(times), given.track.at(times), atol=1e-6)
    path = tmp_path / "out/00/poses.txt"
    assert drive.files(drive.scans[0])[1] == path

    def refuse(*_: object, **__: object) -> object:
        raise AssertionError

    monkeypatch.setattr(made_poses, "odometry", refuse)
    open_drives(root, (), poses_from_scans(tmp_path / "out", SETTINGS, show=False))
    (root / "sequences/00/velodyne/000003.bin").write_bytes(bytes(160))
    with pytest.raises(AssertionError):
        open_drives(root, (), poses_from_scans(tmp_path / "out", SETTINGS, show=False))


def test_a_rig_without_poses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    rig = write_rig(tmp_path, 6)
    rig.write_text(json.dumps({k: v for k, v in json.loads(rig.read_text()).items() if k != "poses"}))
    command = ("prepare", "occupancy", "--rig", rig, "--out", tmp_path / "out", "--last", "moving")
    assert execute(*command) == 2
    assert "--poses kiss-icp" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "kiss_icp.config", None)
    assert execute(*command, "--poses", "kiss-icp") != 0
    assert "voxway[poses]" in capsys.readouterr().err
    monkeypatch.setattr(made_poses, "odometry", known)
    assert execute(*command, "--poses", "kiss-icp") == 0
    assert len(list((tmp_path / "out/car/moving").iterdir())) == 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda drive: setattr(drive, "scans", drive.scans[:1]), "two at least"),
        (lambda drive: setattr(drive, "read", lambda scan: Scan(points=np.zeros((0, 3), np.float32))), "returns"),
    ],
)
def test_what_gives_no_poses(change: Callable[[Turning], None], words: str) -> None:
    drive = Turning()
    change(drive)
    with pytest.raises(ValueError, match=words):
        odometry(drive, SETTINGS, Known(), show=False)


def test_kiss_icp_finds_the_way() -> None:
    """And the same poses each time, which shards need."""
    pytest.importorskip("kiss_icp.kiss_icp")
    world = np.random.default_rng(0).uniform((-30, -30, -2), (40, 30, 6), (4000, 3))
    true = [np.linalg.inv(pose(0.0)) @ pose(0.2 * number, 3.0) for number in range(6)]
    runs = []
    for _ in range(2):
        register = kiss_icp(SETTINGS)
        runs.append([register((world - T[:3, 3]) @ T[:3, :3]) for T in true])
    assert np.array_equal(*runs)
    assert np.abs(np.stack(runs[0]) - np.stack(true)).max() < 0.05
