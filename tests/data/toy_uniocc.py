"""Two scenes written as UniOcc's files, pictures beside them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.toy_nuscenes import SIZE_PX, YAWS_DEG, K, camera_wxyz
from voxway.core.quaternion import quaternion_rotation
from voxway.data.uniocc.benchmark import UNIOCC
from voxway.data.uniocc.layout import FrameCamera, write_uniocc

SCENES = {"scene_000": 3, "scene_001": 12}
"""Names, and how many frames they have."""


def cameras(key: str) -> tuple[FrameCamera, ...]:
    """Six cameras around the car."""
    found = []
    for name, degrees in YAWS_DEG.items():
        yaw, T = np.deg2rad(degrees), np.eye(4)
        T[:3, :3] = quaternion_rotation(camera_wxyz(yaw))
        T[:3, 3] = (0.5 + np.cos(yaw), 0.5 * np.sin(yaw), 1.5)
        filename = f"samples/{name}/{key.replace('/', '_')}.jpg"
        found.append(FrameCamera(name=name, filename=filename, K=np.array(K), T_ego_cam=T))
    return tuple(found)


def pose(number: int) -> np.ndarray:
    """Ego to world."""
    T = np.eye(4)
    T[:3, 3] = (600 + 4 * number, 1650, 1)
    return T


def volume(number: int) -> np.ndarray:
    """A road, a wall, a car that drives on."""
    classes = np.full(UNIOCC.grid.shape, 10, np.uint8)
    classes[:, 80:120, 5] = 7
    classes[60:70, 130, 6:12] = 9
    classes[100 + number, 100, 6] = 1
    return classes


def seen(number: int) -> np.ndarray:
    """The camera mask."""
    mask = np.zeros(UNIOCC.grid.shape, bool)
    mask[50:180, 60:140] = np.random.default_rng(number).random((130, 80, 16)) < 0.8
    return mask


def flow(number: int) -> np.ndarray:
    """Everything drives on."""
    return np.where(volume(number)[..., None] == 1, np.float32([1, 0, 0]), np.float32(0))


def write_toy(root: Path, scenes: dict[str, int] = SCENES) -> Path:
    """Write everything."""
    infos = [{"scene": name, "start": 0, "end": count - 1} for name, count in scenes.items()]
    root.mkdir(parents=True, exist_ok=True)
    (root / "scene_infos.pkl").write_bytes(pickle.dumps(infos))
    for scene, count in scenes.items():
        for number in range(count):
            key = f"{scene}/{number}"
            path = root / f"{key}.npz"
            write_uniocc(path, volume(number), seen(number), pose(number), cameras(key), flow(number))
            for camera in cameras(key):
                picture = root / camera.filename
                picture.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((*SIZE_PX, 3), 9 * number, np.uint8)).save(picture)
    return root
