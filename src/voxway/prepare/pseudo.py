"""Pseudo points: depth maps of a frame and of those before it as occupied voxels, the input of the proposal network.

As the published preparation of VoxFormer and MonoOcc makes them: depth to points in the velodyne frame, ten sweeps put
together with poses, one bit per voxel of the full grid, ``<folder>/SS/voxels/FFFFFF.pseudo``. The published code also
casts rays to mark free voxels, but keeps only the occupied ones.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.transforms import invert, transform_points
from voxway.data.semantickitti.keys import parse_key
from voxway.data.semantickitti.layout import Calibration, SequenceFiles, read_poses, write_flags
from voxway.data.semantickitti.reader import SemanticKITTIConfig, pseudo_path
from voxway.prepare.depth import DepthSource, calibration
from voxway.prepare.runner import run

SWEEPS = 10
_HIGHEST_M = 80.0


def pseudo_points(depth: Float32[np.ndarray, "h w"], known: Calibration) -> Float32[np.ndarray, "p 3"]:
    """Points (metres, velodyne frame) of all pixels whose depth is known; those behind the sensor are dropped.

    ``x = (u - cx) d / fx - P[0, 3] / fx``, ``y`` likewise, ``z = d`` in the frame of camera 0, then the inverse of Tr.
    The third entry of P's last column (millimetres) is left out, as published.

    Args:
        depth: metres along the optical axis of the left colour camera.
        known: the sequence's calibration.
    """
    rows, columns = np.nonzero(np.isfinite(depth) & (depth > 0))
    d = depth[rows, columns].astype(np.float64)
    P = known.P2
    x = ((columns - P[0, 2]) * d - P[0, 3]) / P[0, 0]
    y = ((rows - P[1, 2]) * d - P[1, 3]) / P[1, 1]
    T_velo_cam = invert(torch.from_numpy(known.T_cam_velo))
    points = transform_points(T_velo_cam, torch.from_numpy(np.stack([x, y, d], -1))).numpy()
    return points[(points[:, 0] >= 0) & (points[:, 2] < _HIGHEST_M)].astype(np.float32)


def voxelise(points: Float[Tensor, "p 3"], grid: VoxelGrid) -> Bool[Tensor, "x y z"]:
    """Voxels that hold a point (metres, ego frame) strictly inside the grid's bounds."""
    inside = ((points > points.new_tensor(grid.lower)) & (points < points.new_tensor(grid.upper))).all(-1)
    index = grid.index(points[inside])
    flags = torch.zeros(grid.count, dtype=torch.bool)
    flags[grid.flat(index[grid.holds(index)])] = True
    return flags.view(grid.shape)


def prepare_pseudo(
    data: SemanticKITTIConfig,
    folder: Path,
    source: DepthSource,
    *,
    sweeps: int = SWEEPS,
    shard: tuple[int, int] = (0, 1),
    show: bool = True,
) -> int:
    """Write the pseudo points' voxels of all frames that `data` reads.

    Args:
        data: which frames.
        folder: where to write; existing files are kept.
        source: where depth comes from.
        sweeps: frames that are put together, this one and those before it, as far as the source has them; needs poses
            beyond one.
        shard: (i, n) does every n-th frame.
        show: draw a progress bar.

    Returns:
        how many files were made.

    Raises:
        InputError: a frame lacks what its depth is made from, its calibration or poses, or they are damaged.
        MissingExtra: stereo without OpenCV.
    """
    # The keys of the run itself: without a target to read, a reader may find more frames than are annotated.
    keys = replace(data, needs=data.needs - {"proposals", "pseudo"}).build().keys

    def make(key: str, path: Path) -> None:
        sequence, frame = parse_key(key)
        earlier = [n for n in range(max(frame - sweeps + 1, 0), frame) if source.has(sequence, n)]
        flags = torch.zeros(SEMANTIC_KITTI.grid.shape, dtype=torch.bool)
        for number in (*earlier, frame):
            points = torch.from_numpy(pseudo_points(source.depth(sequence, number), calibration(data.root, sequence)))
            if number != frame:
                T_key_sweep = invert(_pose(data.root, sequence, frame)) @ _pose(data.root, sequence, number)
                points = transform_points(T_key_sweep, points.double()).float()
            flags |= voxelise(points, SEMANTIC_KITTI.grid)
        packed: np.ndarray = flags.numpy()
        write_flags(path, packed)

    def target(key: str) -> Path:
        return pseudo_path(folder, *parse_key(key))

    return run(keys, target, make, what="pseudo points", shard=shard, show=show)


@lru_cache(maxsize=32)
def _poses(root: Path, sequence: str) -> Float[Tensor, "n 4 4"]:
    path = SequenceFiles(root, sequence).poses
    return torch.from_numpy(read_poses(path, calibration(root, sequence).T_cam_velo))


def _pose(root: Path, sequence: str, frame: int) -> Float[Tensor, "4 4"]:
    poses = _poses(root, sequence)
    if frame >= len(poses):
        raise InputError(
            file=SequenceFiles(root, sequence).poses,
            field="lines",
            expected=f"a pose for frame {frame}",
            found=f"{len(poses)} lines",
            remedy="Take poses.txt from SemanticKITTI's own download, or put no sweeps together: --sweeps 1.",
        )
    return poses[frame]
