"""Two short drives written as Occ3D-Waymo's and the KITTI conversion's files."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from PIL import Image

FRAMES = {"train": ("000/000", "000/001", "000/002", "001/000"), "val": ("000/000",)}
SIZES_PX = ((64, 96), (64, 96), (64, 96), (44, 96), (44, 96))
"""Height and width of the pictures by folder number, a twentieth of Waymo's."""
YAWS_DEG = (0, 45, 90, -45, -90)
"""Where camera slots look: slots 2 and 3 read image_3 and image_2."""
FOLDER_OF_SLOT = (0, 1, 3, 2, 4)


def camera(slot: int) -> dict[str, np.ndarray]:
    """Calibration of a slot, whose picture lies in another folder for slots 2 and 3."""
    yaw = np.deg2rad(YAWS_DEG[slot])
    height, width = SIZES_PX[FOLDER_OF_SLOT[slot]]
    intrinsics, sensor2ego = np.eye(4), np.eye(4)
    intrinsics[:2, :3] = [[100, 0, width / 2], [0, 100, height / 2]]
    ahead = np.array([np.cos(yaw), np.sin(yaw), 0])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0])
    sensor2ego[:3, :3] = np.stack([right, (0, 0, -1), ahead], 1)
    sensor2ego[:3, 3] = (1.5, 0.02 * slot, 2.1)
    return {"intrinsics": intrinsics, "sensor2ego": sensor2ego}


def scan(key: str) -> np.ndarray:
    """Six columns: x, y, z, intensity, elongation, and one that nobody reads."""
    random = np.random.default_rng(list(key.encode()))
    points = random.normal(size=(400, 6)) * (15, 15, 1, 2, 1, 1)
    points[:, 3:5] = np.abs(points[:, 3:5])  # intensity and elongation are never negative
    return points.astype("<f4")


def volume(key: str) -> dict[str, np.ndarray]:
    """Arrays of a label file."""
    random = np.random.default_rng(list(key.encode()))
    labels = np.full((200, 200, 16), 23, np.uint8)
    labels[:, 90:110, 1] = 13
    labels[120, 100, 2:5] = 1
    seen = random.random(labels.shape) < 0.5
    return {
        "voxel_label": labels,
        "origin_voxel_state": seen.astype(np.uint8),
        "final_voxel_state": (seen & (random.random(labels.shape) < 0.5)).astype(np.uint8),
        "infov": random.random(labels.shape) < 0.7,
    }


def picture(key: str, folder: int) -> np.ndarray:
    """A flat colour that tells the folder."""
    return np.full((*SIZES_PX[folder], 3), 40 * folder + 10, np.uint8)


def write_waymo(root: Path) -> Path:
    """Write everything."""
    for split, keys in FRAMES.items():
        prefix, folder = {"train": ("0", "training"), "val": ("1", "validation")}[split]
        for key in keys:
            write_labels(root / folder / f"{key}_04.npz", volume(key))
            stem = prefix + key.replace("/", "")
            kitti = root / "kitti_format" / "training"
            for number in range(5):
                path = kitti / f"image_{number}" / f"{stem}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture(key, number)).save(path)
            (kitti / "velodyne").mkdir(exist_ok=True)
            (kitti / "velodyne" / f"{stem}.bin").write_bytes(scan(key).tobytes())
        write_infos(root, split, keys)
    return root


def write_labels(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a label file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    np.savez_compressed(path, **arrays)


def infos(keys: tuple[str, ...]) -> list[list[dict[int, dict[str, np.ndarray]]]]:
    """Camera infos [sequence][frame][slot]."""
    sequences = sorted({key[:3] for key in keys})
    return [
        [{slot: camera(slot) for slot in range(5)} for _ in range(sum(key.startswith(s) for key in keys))]
        for s in sequences
    ]


def write_infos(root: Path, split: str, keys: tuple[str, ...]) -> None:
    """Write the camera infos of a split."""
    path = root / ("cam_infos.pkl" if split == "train" else "cam_infos_vali.pkl")
    path.unlink(missing_ok=True)
    path.write_bytes(pickle.dumps(infos(keys)))
