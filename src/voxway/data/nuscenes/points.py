"""LiDAR points of a nuScenes key frame and of the sweeps before it, put together in the key frame's LiDAR frame."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64

from voxway.data.files.scan_faults import ScanLayout
from voxway.data.files.scans import read_points
from voxway.data.nuscenes.key_frame import KeyFrame

_NEAR_M = 1.0
_SCAN = ScanLayout(
    columns=("x", "y", "z", "intensity", "ring"), highest_intensity=255.0, sensor_frame=True, read=4, ahead=1
)

Choice = Literal["random", "nearest"]
Near = Literal["sweeps", "all", "none"]


def read_lidar(path: Path | str) -> Float32[np.ndarray, "p 5"]:
    """Read a `.pcd.bin` file: x, y, z in metres (sensor frame), intensity 0..255, ring 0..31.

    Raises:
        InputError: see `read_points`.
    """
    return read_points(path, _SCAN)


def aggregate(
    frame: KeyFrame, root: Path, sweeps: int, choice: Choice, pad: bool, near: Near, random: np.random.Generator
) -> Float32[np.ndarray, "p 5"]:
    """The key frame's points, then those of its sweeps: x, y, z in metres (key LiDAR), intensity, age in seconds.

    Args:
        frame: whose points.
        root: of the dataset.
        sweeps: how many sweeps, at most.
        choice: which, where there are more: any, in any order, or the latest.
        pad: repeat the key frame's points that often where there is no sweep at all.
        near: whose points within 1 m of the sensor along x and y (the car itself) are left out.
        random: for the choice.

    Raises:
        InputError: a scan is missing or damaged.
    """
    key = read_lidar(root / frame.lidar_path)
    key[:, 4] = 0
    parts = [_without_near(key) if near == "all" else key]
    if not frame.sweeps and pad:
        parts += [key if near == "none" else _without_near(key)] * sweeps
    numbers = np.arange(len(frame.sweeps))
    if len(numbers) > sweeps:
        numbers = random.choice(len(numbers), sweeps, replace=False) if choice == "random" else numbers[:sweeps]
    for sweep in (frame.sweeps[number] for number in numbers):
        points = read_lidar(root / sweep.path)
        points = points if near == "none" else _without_near(points)
        T = sweep.T_lidar_sweep
        points[:, :3] = points[:, :3] @ T[:3, :3].T + T[:3, 3]
        points[:, 4] = frame.timestamp_us / 1e6 - sweep.timestamp_us / 1e6
        parts.append(points)
    return np.concatenate(parts)


def camera_ego_from_lidar(
    T_ego_lidar: Float64[np.ndarray, "4 4"],
    T_world_ego: Float64[np.ndarray, "4 4"],
    T_world_cam_ego: Float64[np.ndarray, "4 4"],
) -> Float32[np.ndarray, "4 4"]:
    """LiDAR to the ego frame of a camera's time, multiplied in float32 as the published preparation does.

    World coordinates reach thousands of metres, so this costs up to a tenth of a millimetre.
    """
    T_cam_ego_world = np.linalg.inv(T_world_cam_ego.astype(np.float32))
    return T_cam_ego_world @ T_world_ego.astype(np.float32) @ T_ego_lidar.astype(np.float32)


def _without_near(points: Float32[np.ndarray, "p 5"]) -> Float32[np.ndarray, "n 5"]:
    return points[~(np.abs(points[:, :2]) < _NEAR_M).all(1)]
