"""A small grid, scans of random points and a camera, for tests of ground truth."""

from __future__ import annotations

import math

import numpy as np
import torch

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.task import Task
from voxway.truth.scan import PlacedScan

GRID = VoxelGrid(lower=(-4.0, -3.0, -1.0), cell=(0.5, 0.5, 0.4), shape=(16, 12, 8))
FREE = 17
TASK = Task(name="toy", grid=GRID, classes=tuple(f"class {number}" for number in range(FREE + 1)), free=FREE)


def scan_of(points, labels, origin=(0.1, 0.2, 0.3), straight=None) -> PlacedScan:
    points = np.array(points, np.float32).reshape(-1, 3)
    return PlacedScan(
        points=points,
        labels=np.array(labels, np.uint8).reshape(-1),
        origin=np.array(origin),
        straight=np.ones(len(points), bool) if straight is None else np.array(straight),
    )


def random_scans(seed: int, count: int = 3) -> list[PlacedScan]:
    rng = np.random.default_rng(seed)
    return [
        scan_of(
            rng.uniform((-6, -5, -2), (6, 5, 3), (60, 3)),
            rng.integers(0, 5, 60),
            rng.uniform((-5, -2, 0), (5, 2, 2)),
            rng.random(60) < 0.8,
        )
        for _ in range(count)
    ]


def looking(yaw: float, place=(0.0, 0.0, 0.5), size_px=(40, 60), focal: float = 30.0) -> Cameras:
    """A camera that looks horizontally."""
    right, ahead = [math.sin(yaw), -math.cos(yaw), 0.0], [math.cos(yaw), math.sin(yaw), 0.0]
    T_ego_cam = torch.eye(4).double()
    T_ego_cam[:3, :3] = torch.tensor([right, [0.0, 0.0, -1.0], ahead]).T
    T_ego_cam[:3, 3] = torch.tensor(place)
    K = torch.tensor([[focal, 0, size_px[1] / 2], [0, focal, size_px[0] / 2], [0, 0, 1.0]])
    return Cameras.pinhole(K[None], torch.linalg.inv(T_ego_cam)[None], torch.tensor([size_px]))


def in_voxels(points: np.ndarray) -> np.ndarray:
    """Metres to voxels of GRID."""
    return (np.asarray(points, np.float64) - GRID.lower) / np.array(GRID.cell)
