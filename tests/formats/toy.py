"""A few voxels of every kind, on a grid that is alike along no axis, seen by two cameras of unlike size."""

from __future__ import annotations

from dataclasses import replace

import torch

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.task import IGNORE, Task
from voxway.formats import Moment

FREE, CAR, ROAD, TREE = 1, 0, 2, 3
TASK = Task(
    name="toy",
    grid=VoxelGrid(lower=(-1.0, 2.0, -2.0), cell=(0.5, 0.5, 0.25), shape=(4, 3, 5)),
    classes=("car", "free", "road", "vegetation"),
    free=FREE,
    palette=((200, 10, 20), (255, 255, 255), (90, 80, 70), (0, 160, 30)),
)
TURN = torch.tensor([[0.0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]]).double()
"""A quarter turn to the left, and a shift in metres."""


def occupancy(scored: bool = False, pose: torch.Tensor | None = TURN, key: str = "08/000005") -> Occupancy:
    """Road below, a car, a tree's crown, a column that nobody saw; `scored`: with probabilities of two classes."""
    classes = torch.full(TASK.grid.shape, FREE, dtype=torch.uint8)
    classes[:, :2, 0] = ROAD
    classes[1:3, 1, 1:3] = CAR
    classes[3, 0, 4] = TREE
    classes[0, 2] = IGNORE
    found = Occupancy(task=TASK, classes=classes, pose=pose, key=key)
    if scored:
        logits = torch.randn(4, *TASK.grid.shape, generator=torch.Generator().manual_seed(3))
        found = replace(found, logits=logits).ranked(2)
    return found


def moment(scored: bool = False, pose: torch.Tensor | None = TURN, time_s: float | None = 12.25) -> Moment:
    """The same with its pictures, 40 x 60 and 30 x 50 px."""
    images = torch.zeros((2, 3, 40, 60), dtype=torch.uint8)
    images[0] = torch.tensor([200, 40, 30])[:, None, None]
    images[1, :, :30, :50] = torch.tensor([20, 60, 210])[:, None, None]
    return Moment(occupancy=occupancy(scored, pose), images=images, cameras=cameras(), time_s=time_s)


def cameras() -> Cameras:
    """Two cameras, 0.5 m above and beside the ego frame's origin; the first looks along x, the second along y."""
    ahead = torch.tensor([[0.0, -1, 0, 0], [0, 0, -1, 0.5], [1, 0, 0, 0], [0, 0, 0, 1]])
    left = torch.tensor([[1.0, 0, 0, 0], [0, 0, -1, 0.5], [0, 1, 0, -0.25], [0, 0, 0, 1]])
    K = torch.tensor([[[40.0, 0, 29.5], [0, 41, 19.5], [0, 0, 1]], [[38.0, 0, 24.5], [0, 38, 14.5], [0, 0, 1]]])
    return Cameras.pinhole(K, torch.stack([ahead, left]), torch.tensor([[40, 60], [30, 50]]))
