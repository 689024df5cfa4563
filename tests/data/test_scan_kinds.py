"""Scans that are not what their reader takes them for, by every reader; and that sound ones are never refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voxway.core.errors import InputError
from voxway.data.nuscenes.points import read_lidar
from voxway.data.semantickitti.layout import read_scan
from voxway.data.waymo.layout import read_waymo_scan

Reader = Callable[[Path], np.ndarray]
READERS: dict[str, tuple[Reader, int]] = {
    "kitti": (read_scan, 4),
    "nuscenes": (read_lidar, 5),
    "waymo": (read_waymo_scan, 6),
}
POINTS = 2400


def scan(columns: int, seed: int = 0, ahead: bool = False) -> np.ndarray:
    """A road and walls from a sensor 1.7 m above it (Waymo: from the road), any number of columns."""
    random = np.random.default_rng(seed)
    x = random.uniform(3 if ahead else -45, 45, POINTS)
    wall = random.random(POINTS) < 0.3
    z = np.where(wall, random.uniform(-1.7, 3, POINTS), random.normal(-1.7, 0.05, POINTS))
    y = np.where(wall, random.choice([-15.0, 15], POINTS), random.uniform(-15, 15, POINTS))
    z += 1.7 if columns == 6 else 0
    more = [random.integers(0, 32, POINTS), *np.zeros((8, POINTS))]
    return np.stack([x, y, z, random.random(POINTS), *more], 1)[:, :columns].astype("<f4")


def axes(points: np.ndarray) -> np.ndarray:
    """The same in a camera's axes."""
    turned = points.copy()
    turned[:, :3] = np.stack([-points[:, 1], -points[:, 2], points[:, 0]], 1)
    return turned


def scaled(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    """Coordinates times a factor."""
    return lambda points: np.concatenate([points[:, :3] * np.float32(factor), points[:, 3:]], 1)


def columns(count: int) -> Callable[[np.ndarray], np.ndarray]:
    """The same with another number of columns."""
    return lambda points: np.concatenate([points, np.ones((POINTS, 12), "<f4") * 7], 1)[:, :count]


OTHERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "float64": (lambda p: p.astype("<f8"), "float64 with"),
    "big-endian": (lambda p: p.astype(">f4"), "big-endian float32"),
    "float16": (lambda p: p.astype("<f2"), "float16"),
    "millimetres": (scaled(1000), "points in millimetres"),
    "centimetres": (scaled(100), "points in centimetres"),
    "kilometres": (scaled(0.001), "points in kilometres"),
    "whole millimetres": (lambda p: (p * 1000).astype("<i4"), "whole numbers (int32)"),
    "camera axes": (axes, "a camera's axes"),
    "by column": (lambda p: np.ascontiguousarray(p.T), ""),
    "zeros": (np.zeros_like, "within 0 m"),
    "mostly zeros": (lambda p: np.concatenate([p, np.zeros((3 * POINTS, p.shape[1]), "<f4")]), "exactly 0, 0, 0"),
    **{f"{count} columns": (columns(count), f"{count} columns") for count in (3, 4, 5, 6, 7, 8, 10)},
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("other", OTHERS)
def test_other_contents_are_refused_and_named(reader: str, other: str, tmp_path: Path) -> None:
    read, own = READERS[reader]
    change, said = OTHERS[other]
    if other == f"{own} columns":
        return
    path = tmp_path / "000000.bin"
    path.write_bytes(change(scan(own)).tobytes())
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.field in ("points", "size")
    if (reader, other) != ("waymo", "3 columns"):  # two points to a row of six look like one
        assert said in caught.value.found


HEADERS = {
    b"# .PCD v0.7\nFIELDS x y z\n": "(PCD)",
    b"ply\nformat binary_little_endian 1.0\n": "PLY",
    b"\x93NUMPY\x01\x00v\x00": "NumPy array",
    b"<!DOCTYPE html><html>quota</html>": "web page",
    b"version https://git-lfs.github.com/spec/v1\n": "Git LFS pointer",
    b"PK\x03\x04": "zip archive",
    b"LASF": "LAS",
    b"1.25 2.50 3.75 0.5\n" * 8: "text",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("header", HEADERS, ids=HEADERS.get)
def test_files_of_another_kind_are_named(reader: str, header: bytes, tmp_path: Path) -> None:
    read, own = READERS[reader]
    path = tmp_path / "000000.bin"
    body = b"" if HEADERS[header] == "text" else scan(own).tobytes()
    path.write_bytes((header + body)[: 4 * own * 500])
    with pytest.raises(InputError) as caught:
        read(path)
    assert (caught.value.field, HEADERS[header] in caught.value.found) == ("contents", True)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("ahead", [False, True])
def test_sound_scans_are_read_as_they_are(reader: str, ahead: bool, tmp_path: Path) -> None:
    read, own = READERS[reader]
    path = tmp_path / "000000.bin"
    for seed in range(6):
        points = scan(own, seed, ahead)
        for some in (points, points[:90], points[:1], points[np.argsort(points[:, 2])]):
            path.write_bytes(some.tobytes())
            np.testing.assert_array_equal(read(path)[:, :3], some[:, :3])


def test_the_z_axis_points_up(tmp_path: Path) -> None:
    for read, own in (READERS["kitti"], READERS["nuscenes"]):
        points = scan(own)
        points[:, 2] = -points[:, 2]
        (tmp_path / "a.bin").write_bytes(points.tobytes())
        with pytest.raises(InputError, match="z upwards"):
            read(tmp_path / "a.bin")


@pytest.mark.parametrize("reader", READERS)
def test_something_lies_ahead(reader: str, tmp_path: Path) -> None:
    """Mirrored or turned axes leave nothing ahead of a car that looks ahead."""
    read, own = READERS[reader]
    axis = 1 if reader == "nuscenes" else 0
    points = scan(own)
    points[:, axis] = -np.abs(points[:, axis]) - 1
    (tmp_path / "a.bin").write_bytes(points.tobytes())
    with pytest.raises(InputError, match=r"points ahead of the car, where [xy] is positive"):
        read(tmp_path / "a.bin")


@pytest.mark.parametrize("reader", READERS)
def test_a_scan_with_a_point_that_is_no_number_is_no_other_kind_of_file(reader: str, tmp_path: Path) -> None:
    read, own = READERS[reader]
    points = scan(own)
    points[7, :3] = np.nan
    (tmp_path / "a.bin").write_bytes(points.tobytes())
    with pytest.raises(InputError) as caught:
        read(tmp_path / "a.bin")
    assert "1 points with NaN or infinity, the first at 7" in caught.value.found
    assert "looks like" not in caught.value.found
