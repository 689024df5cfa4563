"""A toy rig: one camera and one LiDAR with three recordings each, ten a second, of nothing in particular."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from voxway.data.own.config import RigConfig

SIZE_PX = (48, 64)
AHEAD = [0.5, -0.5, 0.5, -0.5]
"""Quaternion w x y z of a camera that looks ahead."""


def toy_rig(folder: Path) -> dict[str, Any]:
    """Writes recordings into a folder, and gives what its rig's file says."""
    random = np.random.default_rng(0)
    for name in ("front", "top"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        picture = random.integers(0, 256, (*SIZE_PX, 3), np.uint8)
        Image.fromarray(picture).save(folder / "front" / f"{number:06d}.png")
        scan(number).tofile(folder / "top" / f"{number:06d}.bin")
    camera = {
        "name": "front",
        "folder": "front",
        "times": {"rate_hz": 10},
        "width_px": SIZE_PX[1],
        "height_px": SIZE_PX[0],
        "K": [50, 51, 31, 23],
        "pose": {"xyz_m": [1.5, 0.1, 1.4], "quaternion_wxyz": AHEAD},
    }
    lidar = {
        "name": "top",
        "folder": "top",
        "times": {"rate_hz": 10},
        "pose": {"xyz_m": [0.8, 0, 1.9], "roll_pitch_yaw_deg": [0, 0, 0]},
    }
    return {"name": "toy", "ego_height_m": 0.0, "cameras": [camera], "lidars": [lidar]}


def scan(seed: int, count: int = 1200) -> np.ndarray:
    """Points of a road 1.9 m below the LiDAR, and of walls, float32 (p, 4)."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(-30, 30, (2, count))
    z = np.where(random.random(count) < 0.7, -1.9, random.uniform(-1.9, 1.5, count))
    return np.stack([x, y, z, random.random(count)], 1).astype(np.float32)


def written(folder: Path, rig: dict[str, Any]) -> Path:
    """The rig's file."""
    (folder / "rig.json").write_text(json.dumps(rig))
    return folder / "rig.json"


def config(path: Path, dataset: str = "semantickitti", **more: Any) -> RigConfig:
    """What a network of a dataset reads of it."""
    needs = more.pop("needs", frozenset({"images", "points"}))
    given = {"cameras": ("front",), "columns": 5, "split": "test", **more}
    return RigConfig(root=path.parent, file=path, dataset=dataset, needs=needs, **given)
