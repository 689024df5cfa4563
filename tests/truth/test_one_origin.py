"""Clouds of one LiDAR and turn are told from those that were merged or moved; no real scan is taken for such a one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from voxway.data.semantickitti.drive import open_drives
from voxway.truth.one_origin import behind, crowded, origin_fault

Cloud = np.ndarray


def street(place: tuple[float, float, float], beams: int = 64, columns: int = 900, turned: float = 0.0) -> Cloud:
    """What a LiDAR sees of a road between two walls with cars, in the axes of the vehicle, from the road below it."""
    up, around = np.radians(np.linspace(-24, 4, beams)), np.arange(columns) * 2 * np.pi / columns + turned
    way = np.stack([np.cos(up)[:, None] * np.cos(around), np.cos(up)[:, None] * np.sin(around)], -1).reshape(-1, 2)
    way = np.column_stack([way, np.repeat(np.sin(up), columns)])
    origin = np.array(place)
    far = np.where(way[:, 2] < 0, -origin[2] / np.minimum(way[:, 2], -1e-9), np.inf)
    boxes = [
        ((-60, 9, 0), (60, 10, 6)),
        ((-60, -10, 0), (60, -9, 6)),
        ((8, 3, 0), (12, 5, 1.6)),
        ((-9, -5, 0), (-5, -3, 1.6)),
    ]
    for low, high in boxes:
        with np.errstate(divide="ignore", invalid="ignore"):
            one, other = (low - origin) / way, (high - origin) / way
        enter, leave = np.minimum(one, other).max(1), np.maximum(one, other).min(1)
        far = np.where((enter < leave) & (enter > 0) & (enter < far), enter, far)
    seen = far < 60
    far = far[seen] + np.random.default_rng(beams).normal(0, 0.015, seen.sum())
    return origin + way[seen] * far[:, None]


ROOF = (0.0, 0.0, 1.8)


@pytest.mark.parametrize("beams", [16, 32, 64, 128])
def test_one_lidar(beams: int) -> None:
    assert origin_fault(street(ROOF, beams) - ROOF) is None


def test_two_returns_of_a_shot() -> None:
    """A LiDAR may tell of what lies behind leaves, too: same direction, farther off."""
    points = street(ROOF) - ROOF
    assert origin_fault(np.concatenate([points, 1.3 * points[::12]])) is None


@pytest.mark.parametrize("other", [(3.5, 0.0, 0.6), (0.2, 0.9, 1.7), (-1.0, 0.0, 1.9)])
def test_two_lidars_in_the_frame_of_one(other: tuple[float, float, float]) -> None:
    merged = np.concatenate([street(ROOF), street(other, turned=0.002)]) - ROOF
    fault = origin_fault(merged)
    assert fault is not None and "merged" in fault.found and "--one-origin" in fault.remedy


@pytest.mark.parametrize("places", [(ROOF,), (ROOF, (3.5, 0.0, 0.6)), ((1.0, 0.9, 1.9), (1.0, -0.9, 1.9))])
def test_clouds_in_the_frame_of_a_vehicle(places: tuple[tuple[float, float, float], ...]) -> None:
    fault = origin_fault(np.concatenate([street(place) for place in places]))
    assert fault is not None and "behind others" in fault.found


def test_too_few_to_tell() -> None:
    assert origin_fault(street(ROOF, 8, 100)) is None
    assert origin_fault(np.zeros((0, 3))) is None


def real_scans(data_root: Path) -> Iterator[Cloud]:
    for path in sorted((data_root / "semantickitti/sequences").glob("*/velodyne/*.bin")):
        yield np.fromfile(path, "<f4").reshape(-1, 4)[:, :3].astype(np.float64)
    for path in sorted((data_root / "nuscenes").rglob("*.pcd.bin")):
        yield np.fromfile(path, "<f4").reshape(-1, 5)[:, :3].astype(np.float64)


def test_real_scans_are_of_one_lidar(data_root: Path) -> None:
    """With twice the room to the limits."""
    scans = list(real_scans(data_root))
    assert len(scans) >= 14
    for points in scans:
        far = np.linalg.norm(points, axis=1)
        points, far = points[(far > 3) & (far < 50)], far[(far > 3) & (far < 50)]
        assert behind(points, far) < 0.05 and crowded(points, far) < 0.005


def test_real_scans_on_each_other(data_root: Path) -> None:
    (drive,) = open_drives(data_root / "semantickitti", ("08",))
    T = drive.track.at(np.array([scan.time_s for scan in drive.scans]))
    clouds = []
    for scan, pose in zip(drive.scans[:3], T):
        T_first = np.linalg.inv(T[0]) @ pose
        clouds.append(drive.read(scan).points @ T_first[:3, :3].T + T_first[:3, 3])
    fault = origin_fault(np.concatenate(clouds))
    assert fault is not None and "merged" in fault.found
    in_car = clouds[0] + (0.0, 0.0, 1.73)
    fault = origin_fault(in_car)
    assert fault is not None and "behind" in fault.found
