"""The volume of a key frame: what stands and what moves in it, what is free, and what nobody knows.

* Occupied: enough returns of things that stand, of scans all around the frame's time; or returns of things that move,
  of the frame's own scan.
* Free: seen empty with all neighbours (`voxway.truth.moving.evidence`) by some scan, in all of the voxel.
* LiDAR mask: occupied, or a ray passed through some part of the voxel. Camera mask: of these, the voxels on lines of
  sight, as Occ3D has them (`voxway.truth.sight`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64, UInt8, UInt16

from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE
from voxway.core.voxel_labels import FREE, OCCUPIED
from voxway.truth.vote import majority

_MOST = 255


@dataclass
class Gathered:
    """Returns that have been gathered in a key frame's grid.

    Attributes:
        grid: where voxels are, in the key frame.
        hits: scans with a return from each voxel.
        points: returns in each voxel.
        voxels: flat index of the voxel of each return, scan by scan.
        labels: class of each return likewise, 255 for none.
        sums: sum of the places of the returns in each voxel, metres; None where nobody asked for them.
    """

    grid: VoxelGrid
    placed: bool = False
    """Whether to keep `sums`."""
    hits: UInt8[np.ndarray, "x y z"] = field(init=False)
    points: UInt16[np.ndarray, "x y z"] = field(init=False)
    voxels: list[Int64[np.ndarray, "_p"]] = field(default_factory=list)
    labels: list[UInt8[np.ndarray, "_p"]] = field(default_factory=list)

    sums: Float64[np.ndarray, "v 3"] | None = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.zeros((int(np.prod(self.grid.shape)), 3)) if self.placed else None
        self.hits = np.zeros(self.grid.shape, np.uint8)
        self.points = np.zeros(self.grid.shape, np.uint16)

    def add(self, points: Float64[np.ndarray, "p 3"], labels: UInt8[np.ndarray, "p"] | None = None) -> None:
        """Add the returns of one scan.

        Args:
            points: metres, in the frame of the grid; those outside are left out.
            labels: their classes.
        """
        index = self.grid.index(torch.from_numpy(points))
        inside = self.grid.holds(index)
        voxel = self.grid.flat(index[inside]).numpy()
        hit, count = np.unique(voxel, return_counts=True)
        for volume, more in ((self.hits.reshape(-1), 1), (self.points.reshape(-1), count)):
            volume[hit] = np.minimum(volume[hit].astype(np.int64) + more, np.iinfo(volume.dtype).max)
        if self.sums is not None:
            np.add.at(self.sums, voxel, points[inside.numpy()])
        if labels is not None:
            known = labels[inside.numpy()] != IGNORE
            self.voxels.append(voxel[known])
            self.labels.append(labels[inside.numpy()][known])

    def places(self, voxels: Bool[np.ndarray, "x y z"]) -> Float64[np.ndarray, "v 3"]:
        """The middle of the returns of some voxels that have some, metres, in their order.

        Raises:
            ValueError: they were not kept.
        """
        if self.sums is None:
            raise ValueError("places of returns were not kept: Gathered(grid, placed=True)")
        return self.sums[voxels.reshape(-1)] / self.points[voxels][:, None]

    def vote(self) -> UInt8[np.ndarray, "x y z"]:
        """The class that most labelled returns of each voxel have, the smaller id on a tie; 255 where none has one."""
        if not self.voxels:
            return np.full(self.grid.shape, IGNORE, np.uint8)
        return majority(np.concatenate(self.voxels), np.concatenate(self.labels), self.grid.shape, IGNORE)[0]


@dataclass(frozen=True)
class Surroundings:
    """Counts of a box of the world's voxels.

    Attributes:
        lower: voxel of the world at the box's low corner.
        voxel_m: edge of these voxels.
        hits: scans with a return.
        passes: scans with a ray that passed.
        confirmed: scans that saw it free with its neighbours.
        gone: voxels whose returns, at other times, came from something that is not there around this one.
    """

    lower: Int64[np.ndarray, "3"]
    voxel_m: float
    hits: UInt8[np.ndarray, "x y z"]
    passes: UInt8[np.ndarray, "x y z"]
    confirmed: UInt8[np.ndarray, "x y z"]
    gone: Bool[np.ndarray, "x y z"]

    def is_gone(self, points: Float64[np.ndarray, "p 3"]) -> Bool[np.ndarray, "p"]:
        """Whether returns (world, metres) came from something that is not there around this time."""
        index = np.floor(points / self.voxel_m).astype(np.int64) - self.lower
        inside = ((index >= 0) & (index < self.gone.shape)).all(1)
        found = np.zeros(len(points), bool)
        found[inside] = self.gone[tuple(index[inside].T)]
        return found

    def on_grid(
        self, grid: VoxelGrid, T_world_frame: Float64[np.ndarray, "4 4"]
    ) -> tuple[UInt8[np.ndarray, "x y z"], UInt8[np.ndarray, "x y z"]]:
        """Scans that passed some part of each voxel of a key frame, and scans that confirmed all of it to be free.

        Args:
            grid: of the key frame, which may be turned against the world and have voxels of another size.
            T_world_frame: its frame to the world, metres.
        """
        passes, confirmed = np.zeros(grid.shape, np.uint8), np.full(grid.shape, _MOST, np.uint8)
        parts = [_inner(cell, self.voxel_m) for cell in grid.cell]
        for place in product(*parts):
            index = self._flat(grid, T_world_frame, place)
            inside = index >= 0
            np.maximum(passes, np.where(inside, self.passes.reshape(-1)[index], 0), out=passes)
            np.minimum(confirmed, np.where(inside, self.confirmed.reshape(-1)[index], 0), out=confirmed)
        return passes, confirmed

    def _flat(
        self, grid: VoxelGrid, T: Float64[np.ndarray, "4 4"], place: tuple[float, ...]
    ) -> Int64[np.ndarray, "x y z"]:
        """Flat index of the world's voxel that holds one place of each voxel of the grid; -1 outside the box."""
        first = T[:3, :3] @ (np.array(grid.lower) + np.array(grid.cell) * place) + T[:3, 3]
        first = first / self.voxel_m - self.lower
        steps = [np.arange(count) * cell / self.voxel_m for count, cell in zip(grid.shape, grid.cell)]
        flat, inside = np.zeros(grid.shape, np.int64), np.ones(grid.shape, bool)
        for axis, count in enumerate(self.passes.shape):
            along = [steps[own] * T[axis, own] for own in range(3)]
            at = np.floor(first[axis] + along[0][:, None, None] + along[1][:, None] + along[2]).astype(np.int64)
            inside &= (at >= 0) & (at < count)
            flat = flat * count + at
        return np.where(inside, flat, -1)


def _inner(cell_m: float, voxel_m: float) -> list[float]:
    """Places in a voxel, as shares of its edge, so close that each of the world's voxels in it has one."""
    count = max(round(cell_m / voxel_m), 1)
    return [(number + 0.5) / count for number in range(count)]


def states(
    standing: Gathered, moving: Gathered, confirmed: UInt8[np.ndarray, "x y z"], least_points: int
) -> tuple[UInt8[np.ndarray, "x y z"], Bool[np.ndarray, "x y z"]]:
    """State of each voxel, and which hold something that moves. What the frame's own scan hit is never free.

    Args:
        standing: returns of what stands, of all scans.
        moving: returns of what moves, of the frame's own.
        confirmed: scans that saw the voxel free.
        least_points: returns that occupy a voxel.
    """
    moves = (moving.points > 0) & (moving.points >= standing.points)
    occupied = (standing.points >= least_points) | (moving.points > 0)
    return np.where(occupied, OCCUPIED, np.where(confirmed > 0, FREE, 0)).astype(np.uint8), moves
