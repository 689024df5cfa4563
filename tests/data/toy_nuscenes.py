"""Three short drives written as nuScenes' tables, pictures, scans and voxels: small, quick, right in every detail."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from voxway.core.quaternion import quaternion_rotation
from voxway.data.nuscenes.key_frame import CAMERAS

SIZE_PX = (90, 160)
"""Height and width of the pictures, a tenth of nuScenes'."""
SCENES = {"scene-0001": "a" * 8, "scene-0002": "b" * 8, "scene-0003": "c" * 8}
"""Names (the last is one of validation) and tokens."""
SCANS = 13
"""Per scene, 0.05 s apart; the first and the last are key frames."""
POINTS = 300
YAWS_DEG = {
    "CAM_FRONT_LEFT": 55, "CAM_FRONT": 0, "CAM_FRONT_RIGHT": -55, "CAM_BACK_LEFT": 110, "CAM_BACK": 180,
    "CAM_BACK_RIGHT": -110,
}  # fmt: skip
LIDAR_WXYZ = (0.7077955119163518, -0.006492242056004365, 0.010646214713995808, -0.7063073142877817)
K = ((126.0, 0.0, 81.0), (0.0, 126.0, 48.0), (0.0, 0.0, 1.0))


def yaw_wxyz(yaw: float) -> list[float]:
    """Quaternion of a rotation about z (radians)."""
    return [float(np.cos(yaw / 2)), 0.0, 0.0, float(np.sin(yaw / 2))]


def camera_wxyz(yaw: float) -> list[float]:
    """Quaternion, camera (z ahead) to ego, of a level camera that looks along `yaw` (radians)."""
    ahead, half = (0.5, -0.5, 0.5, -0.5), yaw_wxyz(yaw)
    w, z = half[0], half[3]
    a, b, c, d = ahead
    return [w * a - z * d, w * b - z * c, w * c + z * b, w * d + z * a]


def token(*parts: object) -> str:
    """A token from the words that make it unique."""
    return "_".join(map(str, parts))


def sample_token(scene: str, number: int) -> str:
    """Token of a scene's key frame 0 or 1."""
    return token("sample", SCENES[scene], number)


def scan_points(scene: str, scan: int) -> np.ndarray:
    """x, y, z, intensity, ring in the sensor's frame; some of them on the car itself."""
    rng = np.random.default_rng([scan, *scene.encode()])
    places = rng.normal(size=(POINTS, 3)) * (12, 12, 1)
    places[:20, :2] = rng.uniform(-0.9, 0.9, (20, 2))
    return np.concatenate([places, rng.uniform(0, 255, (POINTS, 1)), rng.integers(0, 32, (POINTS, 1))], 1).astype("<f4")


def write_tables(root: Path, version: str = "v1.0-trainval", scenes: tuple[str, ...] = tuple(SCENES)) -> Path:
    """Write the tables alone."""
    tables: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("scene", "log", "sample", "sample_data", "calibrated_sensor", "sensor", "ego_pose")
    }
    tables["log"].append({"token": "log", "location": "nowhere"})
    for channel in ("LIDAR_TOP", "RADAR_FRONT", *CAMERAS):
        yaw = np.deg2rad(YAWS_DEG.get(channel, 0))
        tables["sensor"].append({"token": f"sensor_{channel}", "channel": channel})
        lidar = channel == "LIDAR_TOP"
        tables["calibrated_sensor"].append(
            {
                "token": f"calibrated_{channel}",
                "sensor_token": f"sensor_{channel}",
                "rotation": list(LIDAR_WXYZ) if lidar else camera_wxyz(yaw),
                "translation": [0.94, 0.0, 1.84] if lidar else [0.5 + np.cos(yaw), 0.5 * np.sin(yaw), 1.5],
                "camera_intrinsic": [] if channel not in CAMERAS else [list(row) for row in K],
            }
        )
    for order, scene in enumerate(scenes):
        _write_scene(tables, scene, 1_532_402_900_000_000 + order * 60_000_000)
    folder = root / version
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return folder


def _write_scene(tables: dict[str, list[dict[str, object]]], scene: str, start: int) -> None:
    tables["scene"].append({"token": SCENES[scene], "name": scene, "log_token": "log"})
    stamps = [start + 50_000 * scan for scan in range(SCANS)]
    for number, scan in enumerate((0, SCANS - 1)):
        tables["sample"].append(
            {"token": sample_token(scene, number), "scene_token": SCENES[scene], "timestamp": stamps[scan]}
        )

    def record(channel: str, scan: int, key: bool, late_us: int, suffix: str, **links: str) -> None:
        name, stamp = token(channel, scene, scan), stamps[scan] - late_us
        seconds = (stamp - start) / 1e6
        tables["ego_pose"].append(
            {
                "token": f"pose_{name}",
                "timestamp": stamp,
                "rotation": yaw_wxyz(0.35 + 0.2 * seconds),
                "translation": [600 + 8 * seconds, 1650 + 3 * seconds, 0.0],
            }
        )
        folder = "samples" if key else "sweeps"
        tables["sample_data"].append(
            {
                "token": f"data_{name}",
                "sample_token": sample_token(scene, 0 if scan < SCANS - 1 else 1),
                "ego_pose_token": f"pose_{name}",
                "calibrated_sensor_token": f"calibrated_{channel}",
                "timestamp": stamp,
                "filename": f"{folder}/{channel}/{name}{suffix}",
                "is_key_frame": key,
                **links,
            }
        )

    for scan in range(SCANS):
        key = scan in (0, SCANS - 1)
        previous = f"data_{token('LIDAR_TOP', scene, scan - 1)}" if scan else ""
        record("LIDAR_TOP", scan, key, 0, ".pcd.bin", prev=previous, next="")
        record("RADAR_FRONT", scan, key, 0, ".pcd", prev="", next="")
        for place, channel in enumerate(CAMERAS):
            record(channel, scan, key, 3_000 * place, ".jpg", prev="", next="")


def write_nuscenes(root: Path) -> Path:
    """Write everything: tables, pictures, scans, Occ3D's, OpenOccupancy's and SurroundOcc's voxels."""
    write_tables(root)
    rng = np.random.default_rng(0)
    for scene in SCENES:
        for scan in range(SCANS):
            key = scan in (0, SCANS - 1)
            folder = root / ("samples" if key else "sweeps") / "LIDAR_TOP"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{token('LIDAR_TOP', scene, scan)}.pcd.bin"
            path.write_bytes(scan_points(scene, scan).tobytes())
            for channel in CAMERAS if key else ():
                path = root / "samples" / channel / f"{token(channel, scene, scan)}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                blocks = rng.integers(0, 255, (9, 16, 3)).astype(np.uint8)
                Image.fromarray(blocks.repeat(10, 0).repeat(10, 1)).save(path)
        for number, scan in enumerate((0, SCANS - 1)):
            write_occ3d(root / "gts" / scene / sample_token(scene, number) / "labels.npz", number)
            path = root / "nuScenes-Occupancy-v0.1" / f"scene_{SCENES[scene]}" / "occupancy"
            path.mkdir(parents=True, exist_ok=True)
            np.save(path / f"data_{token('LIDAR_TOP', scene, scan)}.npy", sparse_rows(number))
            path = root / "surroundocc" / "samples"
            path.mkdir(parents=True, exist_ok=True)
            np.save(path / f"{token('LIDAR_TOP', scene, scan)}.pcd.bin.npy", surroundocc_rows(number))
    return root


def occ3d_volume(seed: int) -> dict[str, np.ndarray]:
    """Arrays of a label file: road in several layers, a wall, masks."""
    rng = np.random.default_rng(seed)
    semantics = np.full((200, 200, 16), 17, np.uint8)
    semantics[:, 80:120, 1] = 11
    semantics[150:, 80:120, 2] = 11
    semantics[60:70, 130, 1:9] = 15
    semantics[100 + seed, 100, 3] = 4
    camera = np.zeros(semantics.shape, np.uint8)
    camera[50:180, 60:140] = rng.random((130, 80, 16)) < 0.8
    return {
        "semantics": semantics,
        "mask_lidar": np.maximum(camera, rng.random(camera.shape) < 0.1),
        "mask_camera": camera,
    }


def write_occ3d(path: Path, seed: int) -> None:
    """Write a label file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **occ3d_volume(seed))


def sparse_rows(seed: int) -> np.ndarray:
    """OpenOccupancy's rows z, y, x, label; some voxels several times, some noise."""
    rng = np.random.default_rng(seed)
    columns = [
        rng.integers(0, 40, 900),
        rng.integers(200, 212, 900),
        rng.integers(300, 310, 900),
        rng.integers(0, 17, 900),
    ]
    return np.stack(columns, 1)


def surroundocc_rows(seed: int) -> np.ndarray:
    """SurroundOcc's rows x, y, z, label: a road, a wall, a car and some noise, every voxel once."""
    x, y = (axis.ravel() for axis in np.mgrid[80:120, 20:180])
    road = np.stack([x, y, np.full_like(x, 6), np.full_like(x, 11)], 1)
    z = np.arange(7, 14)
    wall = np.stack([np.full_like(z, 60), np.full_like(z, 130), z, np.full_like(z, 15)], 1)
    return np.concatenate([road, wall, [[100 + seed, 100, 7, 4], [100, 140, 7, 0]]])


def sensor_to_world(scene: str, channel: str, scan: int, late_us: int) -> np.ndarray:
    """The transform that the tables describe, assembled afresh."""
    seconds = scan * 0.05 - late_us / 1e6
    pose, sensor = np.eye(4), np.eye(4)
    pose[:3, :3] = quaternion_rotation(yaw_wxyz(0.35 + 0.2 * seconds))
    pose[:3, 3] = (600 + 8 * seconds, 1650 + 3 * seconds, 0)
    yaw = np.deg2rad(YAWS_DEG.get(channel, 0))
    lidar = channel == "LIDAR_TOP"
    sensor[:3, :3] = quaternion_rotation(LIDAR_WXYZ if lidar else camera_wxyz(yaw))
    sensor[:3, 3] = (0.94, 0, 1.84) if lidar else (0.5 + np.cos(yaw), 0.5 * np.sin(yaw), 1.5)
    return pose @ sensor
