"""A short street of boxes, seen by a small LiDAR on a car that drives: scans, poses and truth of what moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxway.core.files import write_bytes
from voxway.data.semantickitti.layout import write_point_labels, write_scan

HEIGHT_M = 1.8
"""Of the LiDAR above the road."""
STEP_S = 0.2
"""From scan to scan."""
Place = tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """A box on the road.

    Attributes:
        low: corner with the lowest x, y, z, metres.
        size: metres.
        velocity: along x, metres a second.
        begins_s: when it starts to move.
        label: raw class.
    """

    low: Place
    size: Place
    velocity: float = 0.0
    begins_s: float = 0.0
    label: int = 50

    def at(self, time_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Its low and high corner at a time."""
        x, y, z = self.low
        low = np.array([x + self.velocity * max(time_s - self.begins_s, 0.0), y, z])
        return low, low + self.size


STREET = (
    Box((-30, 8, 0), (90, 1, 5)),
    Box((-30, -9, 0), (90, 1, 5)),
    Box((58, -9, 0), (1, 18, 5)),
    Box((12, 4, 0), (4, 2, 1.6), label=10),
    Box((30, -6, 0), (4, 2, 1.6), label=10),
)
CAR = Box((14, -2.5, 0), (4, 1.8, 1.6), velocity=6.0, label=252)
"""One that drives ahead of us."""


def pose(time_s: float, speed: float = 5.0) -> np.ndarray:
    """The LiDAR in the world."""
    T = np.eye(4)
    T[:3, 3] = (speed * time_s, 0.3 * np.sin(time_s), HEIGHT_M)
    T[:2, :2] = [[np.cos(0.05 * time_s), -np.sin(0.05 * time_s)], [np.sin(0.05 * time_s), np.cos(0.05 * time_s)]]
    return T


def cast(
    time_s: float | np.ndarray, boxes: Sequence[Box], *, beams: int = 40, columns: int = 360, speed: float = 5.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One turn: points in the sensor's frame at the time of each ray, raw labels, and times after the first ray.

    Args:
        time_s: of the scan.
        boxes: what stands and drives on the road.
        beams: rows, from 25 degrees down to 5 up.
        columns: shots of a turn.
        speed: of the car, metres a second.
    """
    up = np.radians(np.linspace(-25, 5, beams))
    around = np.linspace(np.pi, -np.pi, columns, endpoint=False)
    way = np.stack([np.cos(up) * np.cos(around)[:, None], np.cos(up) * np.sin(around)[:, None]], -1).reshape(-1, 2)
    way = np.column_stack([way, np.tile(np.sin(up), columns)])
    T = pose(float(time_s), speed)
    far, label = first_hits(T[:3, 3], way @ T[:3, :3].T, float(time_s), boxes)
    seen = far < 60
    share = np.repeat(np.arange(columns) / columns, beams)
    return (way[seen] * far[seen, None]).astype(np.float32), label[seen].astype(np.uint32), share[seen]


def first_hits(
    origin: np.ndarray, turned: np.ndarray, time_s: float, boxes: Sequence[Box]
) -> tuple[np.ndarray, np.ndarray]:
    """How far rays go from a place in the world, in lengths of their directions, and raw labels of what they meet;
    infinity and 0 where that is nothing."""
    far = np.where(turned[:, 2] < -1e-3, -origin[2] / np.minimum(turned[:, 2], -1e-3), np.inf)
    label = np.where(np.isfinite(far), 40, 0)
    for box in boxes:
        low, high = box.at(time_s)
        with np.errstate(divide="ignore", invalid="ignore"):
            one, other = (low - origin) / turned, (high - origin) / turned
        enter, leave = np.minimum(one, other).max(1), np.maximum(one, other).min(1)
        hit = (enter < leave) & (enter > 0) & (enter < far)
        far[hit], label[hit] = enter[hit], box.label
    return far, label


def write_kitti(
    root: Path, scans: int = 28, boxes: Sequence[Box] = (*STREET, CAR), labelled: bool = True, speed: float = 5.0
) -> Path:
    """A folder in KITTI's layout, of one sequence `00`, five scans a second."""
    folder = root / "sequences" / "00"
    T_cam_velo = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0.0]])
    P = np.array([[100, 0, 80, 0], [0, 100, 30, 0], [0, 0, 1, 0.0]])
    rows = [f"P{n}: {' '.join(map(str, P.ravel()))}" for n in range(4)]
    rows.append(f"Tr: {' '.join(map(str, T_cam_velo.ravel()))}")
    write_bytes(folder / "calib.txt", "\n".join(rows).encode())
    write_bytes(folder / "times.txt", "".join(f"{n * STEP_S:e}\n" for n in range(scans)).encode())
    T = np.vstack([T_cam_velo, [0, 0, 0, 1]])
    first = np.linalg.inv(pose(0.0))
    lines = [T @ first @ pose(n * STEP_S, speed) @ np.linalg.inv(T) for n in range(scans)]
    write_bytes(
        folder / "poses.txt", "".join(" ".join(map(repr, one[:3].ravel().tolist())) + "\n" for one in lines).encode()
    )
    for number in range(scans):
        points, labels, _ = cast(number * STEP_S, boxes, speed=speed)
        write_scan(
            folder / "velodyne" / f"{number:06d}.bin", np.column_stack([points, np.zeros(len(points), np.float32)])
        )
        if labelled:
            write_point_labels(folder / "labels" / f"{number:06d}.label", labels)
    return root


def write_rig(folder: Path, scans: int = 28, boxes: Sequence[Box] = (*STREET, CAR), **changes: object) -> Path:
    """The same as a rig of one's own: its file."""
    lines = []
    for number in range(scans):
        points, labels, _ = cast(number * STEP_S, boxes)
        cloud = np.column_stack([points, dark(points)])
        write_bytes(folder / "roof" / f"{number:06d}.bin", cloud.astype("<f4").tobytes())
        write_bytes(folder / "labels" / f"{number:06d}.label", labels.astype("<u4").tobytes())
        lines.append(tum(number * STEP_S))
    write_bytes(folder / "poses.txt", "".join(lines).encode())
    lidar = {
        "name": "roof",
        "folder": "roof",
        "times": {"rate_hz": 1 / STEP_S},
        "pose": {"xyz_m": [0, 0, 0], "roll_pitch_yaw_deg": [0, 0, 0]},
    }
    rig = {"name": "car", "ego_height_m": HEIGHT_M, "lidars": [lidar], "poses": {"file": "poses.txt"}, **changes}
    write_bytes(folder / "rig.json", json.dumps(rig).encode())
    return folder / "rig.json"


def tum(time_s: float, placed: Callable[[float], np.ndarray] = pose) -> str:
    """A line of a file of poses."""
    T = placed(time_s)
    half = np.arctan2(T[1, 0], T[0, 0]) / 2
    numbers = (time_s, *T[:3, 3].tolist(), 0.0, 0.0, float(np.sin(half)), float(np.cos(half)))
    return " ".join(map(repr, map(float, numbers))) + "\n"


def dark(points: np.ndarray) -> np.ndarray:
    """An intensity for each point."""
    return np.zeros(len(points), np.float32)
