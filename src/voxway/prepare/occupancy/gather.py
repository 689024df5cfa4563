"""Returns gathered in a key frame's grid: of what stands, those of all its scans; of what moves, those of its own, and
of all others where a box says how it went on."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float64, UInt8

from voxway.core.task import IGNORE, Task
from voxway.data.boxes import TrackedBox
from voxway.data.recordings import Frame, ScanName
from voxway.prepare.occupancy.boxes import Things
from voxway.prepare.occupancy.chosen import pictured
from voxway.prepare.occupancy.motion import MOVES, OWN, STANDS, read_motion
from voxway.prepare.occupancy.pixels import shown_classes
from voxway.prepare.occupancy.work import DriveWork
from voxway.truth.coarse_classes import GROUND
from voxway.truth.key_volume import Gathered, Surroundings
from voxway.truth.moving.clusters import clusters
from voxway.truth.moving.ground import ground


class Gathering:
    """Returns in a key frame's grid.

    Args:
        work: on the drive.
        frame: the key frame.
        T_world_frame: where it is, metres.
        around: says what is gone at its time.
        task: names the classes.

    Attributes:
        standing: returns of what stands.
        moving: of what moves.
        low: of the ground, where classes come from geometry.
        alone: of the frame's own scans, the vehicle itself left out.
        flow: way of what has a box to the next key frame, voxels along x, y, z; None where no box tells.
    """

    def __init__(
        self,
        work: DriveWork,
        frame: Frame,
        T_world_frame: Float64[np.ndarray, "4 4"],
        around: Surroundings,
        task: Task,
    ) -> None:
        self._work, self._frame, self._around, self._task = work, frame, around, task
        self._T_frame_world = np.linalg.inv(T_world_frame)
        grid = work.grid
        self.standing = Gathered(grid, placed=bool(pictured(work, frame)))
        self.moving, self.low, self.alone = Gathered(grid), Gathered(grid), Gathered(grid)
        self.flow = np.zeros((*grid.shape, 3), np.float16) if work.drive.boxes() else None

    def add(self, scan: ScanName, own: bool) -> None:
        """Add one scan.

        Args:
            scan: its name.
            own: it is of the frame itself, so that what moves is where the scan saw it.
        """
        work, returns = self._work, self._work.placing.read(scan)
        kind = read_motion(work.moving_path(scan), len(returns.points))
        things = Things.of(work.drive, returns.points, scan.time_s)
        travels = things.travelling
        stands, moves = (kind == STANDS) & ~travels, (kind == MOVES) & ~travels
        if not own:
            stands[stands] = ~self._around.is_gone(returns.points[stands])
        points = self._in_frame(returns.points)
        labels = _with_things(returns.labels, things, self._task)
        if work.drive.classes is None:
            settings, origin = work.settings.moving, self._in_frame(returns.origins).mean(0)
            low = np.flatnonzero(stands)[ground(points[stands], origin, settings.ground_m, settings.farthest_m)]
            self.low.add(points[low])
            if labels is not None:
                labels[low[labels[low] == IGNORE]] = GROUND
        self.standing.add(points[stands], None if labels is None else labels[stands])
        if own:
            self.alone.add(points[kind != OWN])
        if own and moves.any():
            self._add_own(points, moves, labels, shown=returns.labels is None)
        used = travels & ((kind == STANDS) | (kind == MOVES))
        for box, rows, there in things.carried(returns.points, used, self._frame.time_s):
            self._add_carried(box, self._in_frame(there), None if labels is None else labels[rows])

    def _add_own(
        self,
        points: Float64[np.ndarray, "p 3"],
        moves: Bool[np.ndarray, "p"],
        labels: UInt8[np.ndarray, "p"] | None,
        shown: bool,
    ) -> None:
        """Add what moves in the frame's own scan; its pictures may show classes."""
        if shown and self._work.drive.class_map_files(self._frame):
            seen = shown_classes(self._work, self._frame, points)
            labels = seen if labels is None else np.where(labels == IGNORE, seen, labels)
        cluster_m = self._work.settings.moving.cluster_m
        self.moving.add(points[moves], None if labels is None else _voted(points[moves], labels[moves], cluster_m))

    def _add_carried(
        self, box: TrackedBox, points: Float64[np.ndarray, "p 3"], labels: UInt8[np.ndarray, "p"] | None
    ) -> None:
        """Add returns of a thing that travels, where they are at the time of the frame."""
        time_s, grid = self._frame.time_s, self._work.grid
        if not box.moves(time_s):
            self.standing.add(points, labels)
            return
        self.moving.add(points, labels)
        assert self.flow is not None  # there is a box
        index = grid.index(torch.from_numpy(points))
        way_m = self._T_frame_world[:3, :3] @ box.velocity(time_s) * self._work.until_next_s(self._frame)
        self.flow[tuple(index[grid.holds(index)].numpy().T)] = way_m / np.array(grid.cell)

    def _in_frame(self, points: Float64[np.ndarray, "p 3"]) -> Float64[np.ndarray, "p 3"]:
        return points @ self._T_frame_world[:3, :3].T + self._T_frame_world[:3, 3]


def _with_things(labels: UInt8[np.ndarray, "p"] | None, things: Things, task: Task) -> UInt8[np.ndarray, "p"] | None:
    """Labels of returns; of those without one, the class of the thing that they come from."""
    if not things.boxes:
        return labels
    classes = things.classes(task)
    return classes if labels is None else np.where(labels == IGNORE, classes, labels)


def _voted(
    points: Float64[np.ndarray, "p 3"], labels: UInt8[np.ndarray, "p"], cluster_m: float
) -> UInt8[np.ndarray, "p"]:
    """One class for each thing that moves: that of most of its returns."""
    number = clusters(points, cluster_m)
    votes = np.zeros((number.max() + 1, IGNORE + 1), np.int64)
    np.add.at(votes, (number, labels), 1)
    votes[:, IGNORE] = 0
    best = np.where(votes.any(1), votes.argmax(1), IGNORE).astype(np.uint8)
    return best[number]
