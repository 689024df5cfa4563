"""Calibrations, poses and times of every dataset in other units, axes and conventions: refused by the reader itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data import toy, toy_nuscenes, toy_waymo
from voxway.core.errors import InputError
from voxway.data.checks.pictures import check_principal_point
from voxway.data.nuscenes.key_frame import parse_info
from voxway.data.nuscenes.tables import read_table, read_tables
from voxway.data.semantickitti.layout import (
    Calibration,
    read_calibration,
    read_poses,
    read_times,
    write_calibration,
    write_poses,
)
from voxway.data.waymo.layout import frame_cameras, frame_pose

OWN = toy.calibration()


def moved(T: np.ndarray, factor: float) -> np.ndarray:
    """The same with its translation times a factor."""
    copied = T.copy()
    copied[:3, 3] *= factor
    return copied


KITTI: dict[str, tuple[Callable[[Calibration], Calibration], str, str]] = {
    "Tr in millimetres": (lambda c: replace(c, T_cam_velo=moved(c.T_cam_velo, 1000)), "Tr", "millimetres"),
    "Tr in centimetres": (lambda c: replace(c, T_cam_velo=moved(c.T_cam_velo, 100)), "Tr", "centimetres"),
    "Tr inverted": (lambda c: replace(c, T_cam_velo=np.linalg.inv(c.T_cam_velo)), "Tr", "inverted"),
    "Tr of a camera behind": (
        lambda c: replace(c, T_cam_velo=np.diag([-1.0, 1, -1, 1]) @ c.T_cam_velo),
        "Tr",
        "180 degrees",
    ),
    "Tr on its head": (lambda c: replace(c, T_cam_velo=np.diag([-1.0, -1, 1, 1]) @ c.T_cam_velo), "Tr", "aside"),
    "Tr mirrored": (lambda c: replace(c, T_cam_velo=np.diag([-1.0, 1, 1, 1]) @ c.T_cam_velo), "Tr", "determinant -1"),
    "Tr the identity": (lambda c: replace(c, T_cam_velo=np.eye(4)), "Tr", "90 degrees"),
    "P2 in millimetres": (lambda c: replace(c, P2=c.P2 @ np.diag([1.0, 1, 1, 5000])), "P2", "m"),
    "P3 with a baseline in millimetres": (
        lambda c: replace(c, P3=c.P3 @ np.diag([1.0, 1, 1, 1000])),
        "P3",
        "millimetres",
    ),
    "P2 doubled": (lambda c: replace(c, P2=2 * c.P2), "P2", "[0.0, 0.0, 2.0]"),
    "P2 upside down": (lambda c: replace(c, P2=-c.P2), "P2", "-70"),
}


@pytest.mark.parametrize("name", KITTI)
def test_kittis_calibration(name: str, tmp_path: Path) -> None:
    change, field, said = KITTI[name]
    path = tmp_path / "calib.txt"
    write_calibration(path, change(OWN))
    with pytest.raises(InputError) as caught:
        read_calibration(path)
    assert (caught.value.field, said in caught.value.found) == (field, True)


def test_rows_of_a_calibration_that_are_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "calib.txt"
    write_calibration(path, OWN)
    lines = path.read_text()
    path.write_text(lines + lines)
    assert read_calibration(path).baseline == pytest.approx(0.54)
    path.write_text(lines + "P2: " + " ".join("1" * 12) + "\n")
    with pytest.raises(InputError, match="P2: expected one line of that name, found two"):
        read_calibration(path)


def drive(scans: int = 40) -> np.ndarray:
    """Poses of a car that drives ahead."""
    return np.stack([toy.pose(scan) for scan in range(scans)])


POSES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "millimetres": (lambda poses: np.stack([moved(T, 1000) for T in poses]), "millimetres"),
    "of the LiDAR": (lambda poses: np.linalg.inv(OWN.T_cam_velo) @ poses @ OWN.T_cam_velo, "sideways"),
    "inverted": (np.linalg.inv, "backwards"),
    "last one first": (lambda poses: poses[::-1], "backwards"),
}


@pytest.mark.parametrize("name", POSES)
def test_kittis_poses(name: str, tmp_path: Path) -> None:
    change, said = POSES[name]
    path = tmp_path / "poses.txt"
    write_poses(path, drive(), OWN.T_cam_velo)
    np.testing.assert_allclose(read_poses(path, OWN.T_cam_velo), drive(), atol=1e-9)
    write_poses(path, change(drive()), OWN.T_cam_velo)
    with pytest.raises(InputError) as caught:
        read_poses(path, OWN.T_cam_velo)
    assert (caught.value.field, said in caught.value.found) == ("poses", True)


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")])
def test_kittis_times(factor: float, unit: str, tmp_path: Path) -> None:
    path = tmp_path / "times.txt"
    path.write_text("".join(f"{0.1 * factor * n:.6e}\n" for n in range(9)))
    with pytest.raises(InputError, match=unit):
        read_times(path)


@pytest.fixture(scope="module")
def infos(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = toy_nuscenes.write_tables(tmp_path_factory.mktemp("tables"))
    return [dict(info) for info in read_tables(folder, ["scene-0001"])]


def scaled(place: dict[str, Any], name: str, factor: float) -> None:
    place[name] = [factor * float(number) for number in place[name]]


def xyzw(place: dict[str, Any], name: str) -> None:
    w, x, y, z = place[name]
    place[name] = [x, y, z, w]


def inverted(place: dict[str, Any], name: str) -> None:
    place[name] = np.asarray(place[name]).T


def swapped(cams: dict[str, Any], one: str, other: str) -> None:
    cams[one], cams[other] = cams[other], cams[one]


FRONT, LEFT = "CAM_FRONT", "CAM_FRONT_LEFT"
RECORDS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "lidar in millimetres": (lambda i: scaled(i, "lidar2ego_translation", 1000), "lidar2ego: .*millimetres"),
    "lidar x y z w": (lambda i: xyzw(i, "lidar2ego_rotation"), "lidar2ego: .* x y z w"),
    "camera in millimetres": (
        lambda i: scaled(i["cams"][FRONT], "sensor2ego_translation", 1000),
        "CAM_FRONT.sensor2ego: .*millimetres",
    ),
    "camera x y z w": (lambda i: xyzw(i["cams"][LEFT], "sensor2ego_rotation"), "CAM_FRONT_LEFT.sensor2ego"),
    "pose x y z w": (lambda i: xyzw(i["cams"][LEFT], "ego2global_rotation"), "CAM_FRONT_LEFT"),
    "pose of another place": (lambda i: scaled(i["cams"][LEFT], "ego2global_translation", 1.1), "LEFT.ego2global"),
    "way to the LiDAR inverted": (
        lambda i: inverted(i["cams"][LEFT], "sensor2lidar_rotation"),
        "CAM_FRONT_LEFT.sensor2lidar: .*degrees off",
    ),
    "way to the LiDAR in millimetres": (
        lambda i: scaled(i["cams"][LEFT], "sensor2lidar_translation", 1000),
        "CAM_FRONT_LEFT.sensor2lidar: .* m and 0 degrees off",
    ),
    "cameras swapped": (lambda i: swapped(i["cams"], LEFT, "CAM_FRONT_RIGHT"), "looks to the front and left"),
    "sweep in millimetres": (lambda i: scaled(i["sweeps"][4], "sensor2lidar_translation", 1000), r"sweeps\[4\]"),
    "intrinsics transposed": (lambda i: inverted(i["cams"][FRONT], "cam_intrinsic"), "cam_intrinsic: .*transposed"),
    "nanoseconds": (lambda i: i.update(timestamp=i["timestamp"] * 1000), "timestamp: .*nanoseconds"),
    "a ragged rotation": (lambda i: i.update(lidar2ego_rotation=[[1, 0], [0]]), "lidar2ego_rotation: expected numbers"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_of_nuscenes(name: str, infos: list[dict[str, Any]]) -> None:
    change, message = RECORDS[name]
    info = copy.deepcopy(infos[-1])
    parse_info(info, "infos.pkl")
    change(info)
    with pytest.raises(InputError, match=message):
        parse_info(info, "infos.pkl")


def waymo(change: Callable[[dict[str, np.ndarray]], object], slot: int) -> None:
    """Read a frame with one camera changed."""
    infos = copy.deepcopy(toy_waymo.infos(toy_waymo.FRAMES["train"]))
    infos[0][0][0]["ego2global"] = toy.pose(3)
    change(infos[0][0][slot])
    frame_cameras(infos, "000/000", Path("cam_infos.pkl"))
    frame_pose(infos, "000/000", Path("cam_infos.pkl"))


WAYMO: dict[str, tuple[Callable[[dict[str, np.ndarray]], object], str]] = {
    "millimetres": (lambda c: c.update(sensor2ego=moved(c["sensor2ego"], 1000)), "sensor2ego: .*millimetres"),
    "inverted": (lambda c: c.update(sensor2ego=np.linalg.inv(c["sensor2ego"])), "sensor2ego: .*inverted"),
    "transposed": (lambda c: c.update(sensor2ego=c["sensor2ego"].T), "sensor2ego: .*a last row"),
    "3 x 3": (lambda c: c.update(sensor2ego=np.eye(3)), "sensor2ego: expected a finite 4 x 4"),
    "looks back": (
        lambda c: c.update(sensor2ego=np.diag([-1.0, -1, 1, 1]) @ c["sensor2ego"]),
        "slot 0 to look ahead",
    ),
    "K transposed": (lambda c: c.update(intrinsics=c["intrinsics"].T), "intrinsics: .*transposed"),
    "K of texts": (lambda c: c.update(intrinsics=[["a"] * 3] * 3), "intrinsics: expected a matrix of numbers"),
    "a pose on its side": (
        lambda c: c.update(ego2global=np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])),
        "ego2global: .*tilted by 90",
    ),
    "a pose of texts": (lambda c: c.update(ego2global="pose"), "ego2global: expected a matrix of numbers"),
}


@pytest.mark.parametrize("name", WAYMO)
def test_camera_infos_of_waymo(name: str) -> None:
    change, message = WAYMO[name]
    waymo(lambda camera: None, 0)
    with pytest.raises(InputError, match=message):
        waymo(change, 0)


def test_focal_lengths_fit_the_picture() -> None:
    K = np.array([[700.0, 0, 613], [0, 700, 185], [0, 0, 1]])
    check_principal_point("a.png", (370, 1226), K)
    for focal in (6.0, 60_000.0):
        K[0, 0] = focal
        with pytest.raises(InputError, match="focal length"):
            check_principal_point("a.png", (370, 1226), K)


TABLES = [
    ("sample_data", "ego_pose_token", None, "only .*calibrated_sensor_token"),
    ("sample_data", "is_key_frame", 1, "true or false, found 1"),
    ("sample_data", "token", 3, "text, found 3"),
    ("ego_pose", "rotation", [0, 0, 0, 0], "a unit quaternion"),
    ("ego_pose", "translation", [1, 2], "three numbers"),
    ("calibrated_sensor", "camera_intrinsic", [[1, 2], [3]], "a 3 x 3 matrix"),
    ("calibrated_sensor", "sensor_token", None, "only"),
    ("sensor", "channel", None, "only"),
    ("sample", "timestamp", "now", "a number, found 'now'"),
    ("scene", "name", None, "only"),
]


@pytest.mark.parametrize(("table", "column", "value", "message"), TABLES)
def test_columns_of_tables(table: str, column: str, value: Any, message: str, tmp_path: Path) -> None:
    import json

    folder = toy_nuscenes.write_tables(tmp_path)
    rows = [dict(row) for row in read_table(folder, table)]
    if value is None:
        del rows[1][column]
    else:
        rows[1][column] = value
    (folder / f"{table}.json").write_text(json.dumps(rows))
    with pytest.raises(InputError, match=message) as caught:
        read_tables(folder)
    assert caught.value.field == f"row 1: {column}"
    assert caught.value.file.endswith(f"{table}.json")
