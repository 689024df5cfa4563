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
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, UInt8

from voxway.core.camera import Cameras
from voxway.core.grid import VoxelGrid
from voxway.core.transforms import invert

_BATCH = 32768
"""Rays that are followed together: enough to keep numpy busy, few enough for the cache."""
_NOTHING = 1e-9
"""Share of a line that counts as none."""


@dataclass(frozen=True, kw_only=True)
class PlacedScan:
    """A labelled scan laid into the key frame.

    Attributes:
        points: metres, in the frame of the grid; points on moving things lie where the thing is at the key frame.
        labels: class ids, as the volume will hold them.
        origin: where the LiDAR was, metres, same frame.
        straight: whether the ray from `origin` really went to the point; false for points that moved with a thing.
    """

    points: Float[np.ndarray, "p 3"]
    labels: UInt8[np.ndarray, "p"]
    origin: Float[np.ndarray, "3"]
    straight: Bool[np.ndarray, "p"]

    def __post_init__(self) -> None:
        if not len(self.points) == len(self.labels) == len(self.straight):
            counts = f"{len(self.points)} points, {len(self.labels)} labels, {len(self.straight)} rays"
            raise ValueError(f"a placed scan needs a label and a ray per point, got {counts}")


@dataclass(frozen=True, kw_only=True)
class OccupancyTruth:
    """Ground truth of a key frame.

    Attributes:
        labels: class per voxel; free where no point lies.
        lidar: hit or passed by a LiDAR ray.
        camera: of those, on a line of sight of a camera.
    """

    labels: UInt8[np.ndarray, "x y z"]
    lidar: Bool[np.ndarray, "x y z"]
    camera: Bool[np.ndarray, "x y z"]


def build_occupancy(
    scans: Sequence[PlacedScan], cameras: Cameras, grid: VoxelGrid, free: int, *, all_around: bool = False
) -> OccupancyTruth:
    """Build a key frame's ground truth.

    Args:
        scans: at least one.
        cameras: those of the key frame, as recorded; their ego frame is the grid's.
        grid: where the voxels are.
        free: class id of voxels without points.
        all_around: whether a camera's lines of sight go all around it, as in Occ3D-Waymo, or stay within its image.

    Raises:
        ValueError: no scans.
    """
    labels = vote(scans, grid, free)
    occupied = labels != free
    lidar = occupied | passed(scans, grid)
    return OccupancyTruth(labels=labels, lidar=lidar, camera=lidar & sighted(occupied, cameras, grid, all_around))


def vote(scans: Sequence[PlacedScan], grid: VoxelGrid, free: int) -> UInt8[np.ndarray, "x y z"]:
    """The class that most points of each voxel have, the smaller id on a tie; `free` where there are none.

    Raises:
        ValueError: no scans.
    """
    if not scans:
        raise ValueError("ground truth needs at least one scan, got none")
    points = torch.from_numpy(np.concatenate([scan.points for scan in scans]))
    index = grid.index(points)
    inside = grid.holds(index)
    label = np.concatenate([scan.labels for scan in scans])[inside.numpy()].astype(np.int64)
    volume = np.full(grid.count, free, np.uint8)
    if len(label):
        kinds = int(label.max()) + 1
        # Sorted (voxel, class) pairs: equal ones lie together, and so do the pairs of one voxel.
        pair, count = np.unique(grid.flat(index[inside]).numpy() * kinds + label, return_counts=True)
        voxel, label = np.divmod(pair, kinds)
        first = np.flatnonzero(np.diff(voxel, prepend=-1))
        best = np.maximum.reduceat(count * kinds + (kinds - 1 - label), first)
        volume[voxel[first]] = kinds - 1 - best % kinds
    return volume.reshape(grid.shape)


def in_view(cameras: Cameras, grid: VoxelGrid) -> Bool[np.ndarray, "x y z"]:
    """Whether each voxel's centre lies inside at least one image."""
    inside = _inside(cameras, grid.centres().reshape(-1, 3))
    return np.logical_or.reduce(inside).reshape(grid.shape)


def sighted(
    occupied: Bool[np.ndarray, "x y z"], cameras: Cameras, grid: VoxelGrid, all_around: bool = False
) -> Bool[np.ndarray, "x y z"]:
    """Voxels on lines from a camera to the centres of occupied voxels, as far as the first occupied voxel, exactly.

    The voxel that holds the camera hides nothing.

    Args:
        occupied: what blocks the view.
        cameras: their ego frame is the grid's.
        grid: where the voxels are.
        all_around: also follow lines to voxels outside the camera's image.
    """
    lower, cell = np.asarray(grid.lower), np.asarray(grid.cell)
    centres = np.argwhere(occupied) + 0.5
    inside = _inside(cameras, torch.from_numpy(centres * cell + lower))
    seen = np.zeros(grid.count, bool)
    for place, shown in zip(invert(cameras.T_cam_ego)[:, :3, 3].numpy(), inside):
        origin = (place - lower) / cell
        blocks = occupied.copy()
        own = np.floor(origin).astype(int)
        if (own >= 0).all() and (own < grid.shape).all():
            blocks[tuple(own)] = False
        ends = centres if all_around else centres[shown]
        _follow(np.tile(origin, (len(ends), 1)), ends, grid, seen, blocks.reshape(-1))
    return seen.reshape(grid.shape)


def _inside(cameras: Cameras, points: Float[torch.Tensor, "p 3"]) -> Bool[np.ndarray, "n p"]:
    """Whether points lie inside the image of each camera."""
    return cameras.visible(*cameras.project(points)).numpy()


def passed(scans: Sequence[PlacedScan], grid: VoxelGrid) -> Bool[np.ndarray, "x y z"]:
    """Voxels that straight rays cross between the LiDAR and their returns, exactly.

    Of the rays of one scan that end in the same voxel, the first stands for all.
    """
    lower, cell = np.asarray(grid.lower), np.asarray(grid.cell)
    origins, ends = [], []
    for scan in scans:
        end = (scan.points[scan.straight].astype(np.float64) - lower) / cell
        _, first = np.unique(_key(np.floor(end)), return_index=True)
        ends.append(end[first])
        origins.append(np.tile((scan.origin - lower) / cell, (len(first), 1)))
    origin, end = np.concatenate(origins), np.concatenate(ends)
    seen, nothing = np.zeros(grid.count, bool), np.zeros(grid.count, bool)
    for start in range(0, len(end), _BATCH):
        _follow(origin[start : start + _BATCH], end[start : start + _BATCH], grid, seen, nothing)
    return seen.reshape(grid.shape)


def _key(cell: Float64[np.ndarray, "p 3"]) -> np.ndarray:
    """One number per cell, far beyond the grid too: 20 bits an axis."""
    x, y, z = (cell.astype(np.int64) + (1 << 19)).T
    return (x << 40) + (y << 20) + z


def _follow(
    origin: Float64[np.ndarray, "p 3"],
    end: Float64[np.ndarray, "p 3"],
    grid: VoxelGrid,
    seen: Bool[np.ndarray, "v"],
    blocks: Bool[np.ndarray, "v"],
) -> None:
    """Mark the voxels that lines cross, from border to border (Amanatides and Woo, Eurographics 1987).

    Lines are given in voxels; places along them are shares t, 0 at the origin and 1 at the end.

    Args:
        seen: is changed.
        blocks: where lines end; such voxels are still marked.
    """
    shape = np.asarray(grid.shape)
    way = end - origin
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = -origin / way, (shape - origin) / way
    still = way == 0
    outside = still & ((origin < 0) | (origin >= shape))
    low, high = np.where(still, -np.inf, low), np.where(still, np.inf, high)
    enter = np.maximum(np.minimum(low, high).max(1), 0)
    leave = np.minimum(np.maximum(low, high).min(1), 1)
    enters = np.flatnonzero((enter < leave) & ~outside.any(1))
    origin, way, enter, leave = origin[enters], way[enters], enter[enters], leave[enters]
    place = np.clip(np.floor(origin + way * enter[:, None]), 0, shape - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        border = np.where(way == 0, np.inf, (place + (way > 0) - origin) / way)
        step = np.where(way == 0, np.inf, 1 / np.abs(way))
    stride = np.array([shape[1] * shape[2], shape[2], 1])
    hop = (np.sign(way) * stride).astype(np.int64)
    voxel = place.astype(np.int64) @ stride
    # Borders add up with rounding; a crossing so close to the end is the end.
    leave = leave - _NOTHING
    # One array per axis: several times faster than picking columns.
    (bx, by, bz), (sx, sy, sz), (hx, hy, hz) = (np.ascontiguousarray(rows.T) for rows in (border, step, hop))
    while len(voxel):
        seen[voxel] = True
        ahead = np.minimum(np.minimum(bx, by), bz)
        on = (ahead < leave) & ~blocks[voxel]
        along_x = bx == ahead
        along_y = ~along_x & (by == ahead)
        along_z = ~(along_x | along_y)
        voxel = voxel + np.where(along_x, hx, np.where(along_y, hy, hz))
        bx, by, bz = np.where(along_x, bx + sx, bx), np.where(along_y, by + sy, by), np.where(along_z, bz + sz, bz)
        voxel, leave, bx, by, bz = voxel[on], leave[on], bx[on], by[on], bz[on]
        sx, sy, sz, hx, hy, hz = sx[on], sy[on], sz[on], hx[on], hy[on], hz[on]
