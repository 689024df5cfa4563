"""Two short drives of one's own: two cameras of unlike size, one LiDAR, poses, and voxel labels of a small task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.data.toy import pose
from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.core.voxel_labels import VoxelLabels
from voxway.core.voxel_labels_file import write_voxel_labels

TASK = Task(
    name="yard",
    grid=VoxelGrid(lower=(-8.0, -8.0, -1.0), cell=(0.5, 0.5, 0.5), shape=(32, 32, 8)),
    classes=("free", "fence", "lawn", "hen"),
    free=0,
    foreground=(3,),
)
SIZES_PX = {"front": (64, 96), "left": (48, 80)}
FRAMES = 4
_TURN_DEG = {"front": 0.0, "left": 60.0}


def write_drives(root: Path, drives: tuple[str, ...] = ("monday", "tuesday")) -> Path:
    """The drives, all for training."""
    for seed, drive in enumerate(drives):
        write_drive(root / drive, seed)
    return root


def write_drive(folder: Path, seed: int = 0, cameras: tuple[str, ...] = ("front", "left"), lidar: bool = True) -> Path:
    """One drive, recordings, rig's file and labels."""
    random = np.random.default_rng(seed)
    for number in range(FRAMES):
        for name in cameras:
            (folder / name).mkdir(parents=True, exist_ok=True)
            picture = random.integers(0, 256, (*SIZES_PX[name], 3), np.uint8)
            Image.fromarray(picture).save(folder / name / f"{number:06d}.png")
        if lidar:
            (folder / "top").mkdir(parents=True, exist_ok=True)
            scan(1000 * seed + number).tofile(folder / "top" / f"{number:06d}.bin")
        write_voxel_labels(folder / "labels" / f"{number:06d}.npz", labels(folder.name, number, seed, bool(cameras)))
    poses = np.stack([pose(number)[:3].ravel() for number in range(FRAMES)])
    np.savetxt(folder / "poses.txt", poses)
    return write_rig(folder, rig(cameras, lidar))


def write_rig(folder: Path, content: dict[str, Any]) -> Path:
    """The rig's file."""
    (folder / "rig.json").unlink(missing_ok=True)
    (folder / "rig.json").write_text(json.dumps(content))
    return folder


def rig(cameras: tuple[str, ...] = ("front", "left"), lidar: bool = True) -> dict[str, Any]:
    """What the rig's file says."""
    top = {"name": "top", "folder": "top", "times": {"rate_hz": 10}, "pose": {"xyz_m": [0.0, 0, 1.9]}}
    top["pose"] |= {"roll_pitch_yaw_deg": [0, 0, 0]}
    return {
        "name": "hen cart",
        "ego_height_m": 0.0,
        "cameras": [camera(name) for name in cameras],
        "lidars": [top] if lidar else [],
        "poses": {"file": "poses.txt", "kind": "kitti", "of": "ego"},
    }


def camera(name: str) -> dict[str, Any]:
    """A camera that looks level, turned to the left."""
    height, width = SIZES_PX[name]
    turn = np.radians(_TURN_DEG[name])
    ahead = np.array([np.cos(turn), np.sin(turn), 0])
    right = np.array([np.sin(turn), -np.cos(turn), 0])
    T_ego_cam = np.eye(4)
    T_ego_cam[:3, :3] = np.stack([right, (0, 0, -1), ahead], 1)
    T_ego_cam[:3, 3] = (0.5, 0.1, 1.4)
    return {
        "name": name,
        "folder": name,
        "times": {"rate_hz": 10},
        "width_px": width,
        "height_px": height,
        "K": [60, 60, (width - 1) / 2, (height - 1) / 2],
        "pose": {"matrix": T_ego_cam.ravel().tolist()},
    }


def scan(seed: int, count: int = 2000) -> np.ndarray:
    """Points of a lawn 1.9 m below the LiDAR, and of fences, float32 (p, 4)."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(-20, 20, (2, count))
    z = np.where(random.random(count) < 0.7, -1.9, random.uniform(-1.9, 1.5, count))
    return np.stack([x, y, z, random.random(count)], 1).astype(np.float32)


def labels(drive: str, number: int, seed: int = 0, cameras: bool = True) -> VoxelLabels:
    """A lawn, fences, unknown voxels."""
    random = np.random.default_rng([seed, number])
    state = np.ones(TASK.grid.shape, np.uint8)
    state[:, :, :2] = 2
    state[random.random(state.shape) < 0.2] = 0
    label = np.select([state == 0, state == 1], [255, 0], random.integers(1, 4, state.shape)).astype(np.uint8)
    lidar = state > 0
    none = np.zeros(state.shape, np.uint8)
    return VoxelLabels(
        key=f"{drive}/{number:06d}",
        task=TASK,
        frame="ego",
        T_world_frame=pose(number),
        time_s=number / 10,
        label=label,
        state=state,
        lidar=lidar,
        camera=lidar & (random.random(state.shape) < 0.5) & cameras,
        moving=np.zeros(state.shape, bool),
        hits=none,
        passes=none,
        confirmed=none,
    )
