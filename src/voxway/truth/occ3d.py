"""Occupancy ground truth with visibility masks from labelled scans and cameras, after Occ3D (Tian et al., 2023).

Scans of a whole stretch of drive are laid over each other in the key frame, moving things where they are at that
moment, and each voxel takes the class that most of its points have. Two masks say which voxels this can be trusted in:

* LiDAR: a return came from the voxel, or a ray passed it on the way to its return. Rays that never came back prove
  nothing and count for nothing.
* camera: of those, the voxels on lines of sight. A line goes from a camera to the centre of each occupied voxel and
  ends at the first occupied voxel that it meets. (Lines judged by whether they arrive would lose the road:
  seen at a low angle, each of its voxels hides behind the next.)

Voxels in no mask carry labels all the same, mostly free; only the masks tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.occupancy import Occupancy
from voxway.core.task import Task
from voxway.truth.scan import PlacedScan
from voxway.truth.sight import passed, sighted
from voxway.truth.vote import majority


def build_occupancy(
    scans: Sequence[PlacedScan], cameras: Cameras, task: Task, *, all_around: bool = False
) -> Occupancy:
    """Build a key frame's ground truth: a class per voxel, free where no point lies, and two masks.

    Mask ``"lidar"`` holds where a LiDAR ray hit or passed; ``"camera"``, of those, on a line of sight of a camera.

    Args:
        scans: at least one, in the frame of the grid, with labels of the task.
        cameras: those of the key frame, as recorded; their ego frame is the grid's.
        task: the grid and its classes.
        all_around: whether a camera's lines of sight go all around it, as in Occ3D-Waymo, or stay within its image.

    Raises:
        ValueError: no scans.
        InputError: a label is no class of the task.
    """
    labels = vote(scans, task.grid, task.free)
    occupied = labels != task.free
    lidar = occupied | passed(scans, task.grid)
    camera = lidar & sighted(occupied, cameras, task.grid, all_around)
    return Occupancy(
        task=task,
        classes=torch.from_numpy(labels),
        masks={"lidar": torch.from_numpy(lidar), "camera": torch.from_numpy(camera)},
    )


def vote(scans: Sequence[PlacedScan], grid: VoxelGrid, free: int) -> UInt8[np.ndarray, "x y z"]:
    """The class that most points of each voxel have, the smaller id on a tie; `free` where there are none.

    Raises:
        ValueError: no scans.
    """
    if not scans:
        raise ValueError("ground truth needs at least one scan, got none")
    index = grid.index(torch.from_numpy(np.concatenate([scan.points for scan in scans])))
    inside = grid.holds(index)
    labels = np.concatenate([scan.labels for scan in scans])[inside.numpy()]
    return majority(grid.flat(index[inside]).numpy(), labels, grid.shape, free)[0]
