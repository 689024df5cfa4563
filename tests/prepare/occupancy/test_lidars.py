"""Several LiDARs keep their own origins: what is seen under a bridge by a low one does not open the bridge."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.driving import HEIGHT_M, STEP_S, STREET, Box, first_hits, pose, tum
from voxway.data.own.drive import RigDrive
from voxway.prepare.occupancy.evidence_files import read_evidence
from voxway.prepare.occupancy.run import prepare
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.prepare.occupancy.work import DriveWork
from voxway.truth.moving.counters import PASSES, Counters

BRIDGE = Box((9, -6, 0.9), (2, 12, 1.2))
FRONT = (1.5, 0.0, 0.4 - HEIGHT_M)
"""From the roof's LiDAR, which looks back: below the bridge's lower edge, and looking on below it."""
SCANS = 4


def seen(number: int, place: tuple[float, float, float]) -> np.ndarray:
    """What a LiDAR sees, in the axes of the vehicle, from itself."""
    up, around = np.radians(np.linspace(-20, 2, 60)), np.radians(np.arange(-60, 60, 0.7))
    around = around if place == FRONT else around + np.pi
    way = np.stack([np.cos(up)[:, None] * np.cos(around), np.cos(up)[:, None] * np.sin(around)], -1).reshape(-1, 2)
    way = np.column_stack([way, np.repeat(np.sin(up), len(around))])
    T = pose(number * STEP_S, 1.0)
    far, _ = first_hits(T[:3, :3] @ place + T[:3, 3], way @ T[:3, :3].T, 0.0, (*STREET, BRIDGE))
    there = far < 45
    return way[there] * far[there, None]


def write(folder: Path, sensors: dict[str, list[np.ndarray]], places: dict[str, tuple[float, float, float]]) -> Path:
    """A rig with these scans."""
    lidars = []
    for name, scans in sensors.items():
        (folder / name).mkdir(parents=True)
        for number, points in enumerate(scans):
            cloud = np.column_stack([points, np.zeros(len(points))]).astype("<f4")
            (folder / name / f"{number:06d}.bin").write_bytes(cloud.tobytes())
        where = {"xyz_m": list(places[name]), "roll_pitch_yaw_deg": [0, 0, 0]}
        lidars.append({"name": name, "folder": name, "times": {"rate_hz": 1 / STEP_S}, "pose": where})
    lines = [tum(number * STEP_S, lambda time: pose(time, 1.0)) for number in range(SCANS)]
    (folder / "poses.txt").write_text("".join(lines))
    rig = {"name": "car", "ego_height_m": HEIGHT_M, "lidars": lidars, "poses": {"file": "poses.txt"}}
    (folder / "rig.json").write_text(json.dumps(rig))
    return folder / "rig.json"


def passes_in_the_bridge(rig: Path, out: Path) -> int:
    """Voxels inside the bridge, by a quarter of a metre, that rays are said to have passed."""
    drive, settings = RigDrive(rig), OccupancySettings()
    prepare([drive], out, settings, last="evidence", show=False)
    counters = Counters()
    for path in sorted((out / "car/evidence").iterdir()):
        for place, some in read_evidence(path).items():
            counters.merge(place, some)
    low, high = np.array(BRIDGE.low) + 0.25, np.array(BRIDGE.low) + BRIDGE.size - 0.25
    voxel_m = settings.moving.voxel_m
    places = np.stack(np.meshgrid(*(np.arange(a, b, voxel_m) for a, b in zip(low, high))), -1).reshape(-1, 3)
    return int((counters.at(np.floor(places / voxel_m).astype(np.int64))[PASSES] > 0).sum())


def test_each_lidar_keeps_its_origin(tmp_path: Path) -> None:
    places = {"roof": (0.0, 0.0, 0.0), "front": FRONT}
    sensors = {name: [seen(number, place) for number in range(SCANS)] for name, place in places.items()}
    apart = write(tmp_path / "apart", sensors, places)
    both = [np.concatenate([one, other + FRONT]) for one, other in zip(sensors["roof"], sensors["front"])]
    merged = write(tmp_path / "merged", {"roof": both}, places)
    assert passes_in_the_bridge(apart, tmp_path / "a") == 0
    assert passes_in_the_bridge(merged, tmp_path / "b") > 20
    work = DriveWork(drive := RigDrive(apart), tmp_path / "a", OccupancySettings())
    for scan in drive.scans:
        T = pose(scan.time_s, 1.0)
        assert np.allclose(work.placing.read(scan).origins, T[:3, :3] @ places[scan.sensor] + T[:3, 3], atol=1e-6)
