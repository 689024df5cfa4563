"""Rigs of one's own whose pictures and scans are those of a synthetic world, so that both must predict the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from voxway.core.quaternion import quaternion
from voxway.data.files.images import image_size
from voxway.data.nuscenes.config import Occ3DNuScenesConfig
from voxway.data.semantickitti.odometry import read_calibration

TENTH = {"rate_hz": 10}
"""Times of folders whose names count scans ten times a second."""


def write(path: Path, rig: Mapping[str, Any]) -> Path:
    """The rig's file."""
    path.write_text(json.dumps(rig, indent=2))
    return path


def kitti_rig(root: Path, sequence: str = "08", size_px: tuple[int, int] = (93, 307)) -> dict[str, Any]:
    """A car of SemanticKITTI's layout: the ego frame is the LiDAR's, 1.73 m above the road."""
    calibration = read_calibration(root / "sequences" / sequence / "calib.txt")
    T_rect_ego = calibration.T_cam_velo
    cameras = []
    for name, number in (("left", 2), ("right", 3)):
        P = calibration.projection(number)
        T_cam_rect = np.eye(4)
        T_cam_rect[:3, 3] = np.linalg.solve(P[:, :3], P[:, 3])
        cameras.append(
            {
                "name": name,
                "folder": str(root / "sequences" / sequence / f"image_{number}"),
                "times": TENTH,
                "width_px": size_px[1],
                "height_px": size_px[0],
                "K": P[:, :3].tolist(),
                "pose": {"matrix": np.linalg.inv(T_cam_rect @ T_rect_ego).tolist()},
            }
        )
    lidar = {
        "name": "roof",
        "folder": str(root / "sequences" / sequence / "velodyne"),
        "times": TENTH,
        "pose": {"xyz_m": [0, 0, 0], "quaternion_wxyz": [1, 0, 0, 0]},
    }
    pair = {"left": "left", "right": "right", "pose": {"matrix": np.linalg.inv(T_rect_ego).tolist()}}
    poses = {"file": str(root / "sequences" / sequence / "poses.txt"), "kind": "kitti", "of": "rectified"}
    return {
        "name": "car",
        "ego_height_m": 1.73,
        "cameras": cameras,
        "lidars": [lidar],
        "pair": pair,
        "poses": poses,
        "clock": "roof",
    }


def ring_rig(root: Path, poses: Path) -> dict[str, Any]:
    """A car of nuScenes' layout: six cameras and a LiDAR, each with times of its own, and poses at all of them.

    Args:
        root: of the dataset.
        poses: file to write.
    """
    found: dict[float, np.ndarray] = {}
    frames = []
    for split in ("train", "val"):
        reader = Occ3DNuScenesConfig(root=root, split=split, partial=True, needs=frozenset({"images"})).reader()
        frames += [reader.key_frame(key) for key in reader.keys]
    for frame in frames:
        for one in (frame, *frame.cameras.values()):
            found[one.timestamp_us / 1e6] = one.T_world_ego
    lines = []
    for time_s, T in sorted(found.items()):
        w, x, y, z = quaternion(T[:3, :3])
        lines.append(" ".join(map(repr, map(float, (time_s, *T[:3, 3], x, y, z, w)))))
    poses.write_text("\n".join(lines))
    cameras = []
    for name, camera in frames[0].cameras.items():
        height, width = image_size(root / camera.path)
        picture = {"folder": str((root / camera.path).parent), "times": {"names": "us"}}
        size = {"width_px": width, "height_px": height, "K": camera.K.tolist()}
        cameras.append({"name": name, **picture, **size, "pose": {"matrix": camera.T_ego_cam.tolist()}})
    lidar = {
        "name": "top",
        "folder": str((root / frames[0].lidar_path).parent),
        "times": {"names": "us"},
        "columns": ["x", "y", "z", "intensity", "ring"],
        "pose": {"matrix": frames[0].T_ego_lidar.tolist()},
    }
    return {"name": "ring", "ego_height_m": 0.0, "cameras": cameras, "lidars": [lidar], "poses": {"file": str(poses)}}


def mounted(T: np.ndarray) -> dict[str, list[float]]:
    """A pose as place and quaternion."""
    return {"xyz_m": T[:3, 3].tolist(), "quaternion_wxyz": quaternion(T[:3, :3]).tolist()}
