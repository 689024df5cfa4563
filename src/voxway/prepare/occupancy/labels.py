"""Pass (c): the voxels around each key frame, with masks and classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from voxway.core.config import to_json
from voxway.core.task import IGNORE, Task
from voxway.core.version import __version__
from voxway.core.voxel_labels import FREE, OCCUPIED, VoxelLabels
from voxway.core.voxel_labels_file import write_voxel_labels
from voxway.data.recordings import Frame, frame_key
from voxway.prepare.occupancy.around import surroundings
from voxway.prepare.occupancy.chosen import Chosen, chosen_scans, pictured
from voxway.prepare.occupancy.motion import MOVES, OWN, STANDS, read_motion
from voxway.prepare.occupancy.passes import Pass
from voxway.prepare.occupancy.pixels import picture_files, picture_scans, seen_classes, shown_classes
from voxway.prepare.occupancy.work import DriveWork
from voxway.truth.coarse_classes import coarse_classes, coarse_task
from voxway.truth.key_volume import Gathered, Surroundings, states
from voxway.truth.moving.clusters import clusters
from voxway.truth.moving.ground import ground
from voxway.truth.sight import sighted

_SETTINGS = (
    "grid", "every", "before_s", "after_s", "travel_m", "most_scans", "least_points", "each_camera",
)  # fmt: skip
_GROUND_SHARE = 0.5


class Labelling:
    """Makes labels of a drive's key frames.

    Args:
        work: on the drive.
        evidence: pass (a).
        motion: pass (b).
    """

    def __init__(self, work: DriveWork, evidence: Pass, motion: Pass) -> None:
        self.work, self.evidence, self.motion = work, evidence, motion
        self.keys = work.frame_keys()
        self.parameters = {**motion.origin.settings, **work.settings.recorded(*_SETTINGS), "grid": to_json(work.grid)}
        self._around = lru_cache(maxsize=1)(self._surroundings)

    def labels_pass(self) -> Pass:
        """Labels of all key frames."""
        return Pass(
            what=f"{self.work.drive.name}: labels",
            keys=tuple(self.keys),
            targets=lambda key: [self.work.labels_path(self.keys[key])],
            make=self.make,
            origin=self.work.origin("labels", self.parameters, self.sources),
        )

    def sources(self, key: str) -> Sequence[Path]:
        """What labels of a key frame are made from."""
        work, frame = self.work, self.keys[key]
        scans = chosen_scans(work, frame).scans
        found = [*work.placed_from(scans), *map(work.moving_path, scans)]
        found += [path for scan in scans for path in work.drive.label_files(scan)]
        found += map(work.evidence_path, self._blocks(frame))
        found += picture_files(work, frame)
        return [*dict.fromkeys([*found, *work.drive.camera_files(frame)])]

    def make(self, key: str) -> None:
        """Write the labels of a key frame; makes what of other passes is absent."""
        work, frame = self.work, self.keys[key]
        chosen = chosen_scans(work, frame)
        self.evidence.ensure(map(work.block_key, self._blocks(frame)))
        scans = {*chosen.scans, *picture_scans(work, frame)}
        blocks = sorted({work.blocks.at(scan.time_s) for scan in scans})
        self.motion.ensure(map(work.block_key, blocks))
        write_voxel_labels(work.labels_path(frame), self.labels(frame, chosen))

    def labels(self, frame: Frame, chosen: Chosen) -> VoxelLabels:
        """Labels of a key frame from its chosen scans."""
        work, grid = self.work, self.work.grid
        T_world_frame = work.drive.track.at(np.array([frame.time_s]))[0]
        around = self._around(work.blocks.at(frame.time_s))
        standing, moving, low, alone, labels = self._gather(frame, chosen, T_world_frame, around)
        passes, confirmed = around.on_grid(grid, T_world_frame)
        state, moves = states(standing, moving, confirmed, work.settings.least_points)
        occupied = state == OCCUPIED
        lidar = occupied | (passes > 0)
        task = self._task()
        label = np.full(grid.shape, IGNORE, np.uint8)
        if labels is None:
            stands = occupied & ~moves
            grounded = low.points > _GROUND_SHARE * np.maximum(standing.points, 1)
            label = np.where(occupied, coarse_classes(stands, moves, grounded, grid), label)
        else:
            stands = np.where(occupied & ~moves, standing.vote(), IGNORE).astype(np.uint8)
            silent = occupied & ~moves & (stands == IGNORE)
            if standing.placed and silent.any():
                stands[silent] = seen_classes(work, frame, standing.places(silent), task, T_world_frame)
            label = np.where(occupied, np.where(moves, labels, stands), label)
        label[state == FREE] = task.free
        camera, cameras = self._camera_masks(frame, occupied, lidar)
        return VoxelLabels(
            key=frame_key(work.drive, frame),
            task=task,
            frame=work.drive.frame,
            T_world_frame=T_world_frame,
            time_s=frame.time_s,
            label=label,
            state=state,
            lidar=lidar,
            camera=camera,
            moving=moves,
            hits=standing.hits,
            passes=passes,
            confirmed=confirmed,
            cameras=cameras if work.settings.each_camera else {},
            own=alone.points > 0,
            scans=tuple(f"{scan.sensor}/{scan.number:06d}" for scan in chosen.scans),
            lacking_s=chosen.lacking_s,
            parameters=self.parameters,
            version=__version__,
            recorded=work.drive.recorded(frame),
        )

    def _task(self) -> Task:
        """Classes of the recording's labels on the grid, or the coarse ones."""
        classes = self.work.drive.classes
        if classes is None:
            return coarse_task(self.work.grid)
        return Task(
            name=classes.name,
            grid=self.work.grid,
            classes=classes.classes,
            free=classes.free,
            palette=classes.palette,
            foreground=classes.foreground,
            evaluated=classes.evaluated,
        )

    def _gather(
        self, frame: Frame, chosen: Chosen, T_world_frame: Float64[np.ndarray, "4 4"], around: Surroundings
    ) -> tuple[Gathered, Gathered, Gathered, Gathered, UInt8[np.ndarray, "x y z"] | None]:
        """Returns of what stands, of what moves in the frame's own scans, of the ground, and of the own scans alone;
        classes of what moves."""
        work, T = self.work, np.linalg.inv(T_world_frame)
        standing = Gathered(work.grid, placed=bool(pictured(work, frame)))
        moving, low, alone = Gathered(work.grid), Gathered(work.grid), Gathered(work.grid)
        for scan in chosen.scans:
            returns = work.placing.read(scan)
            kind = read_motion(work.moving_path(scan), len(returns.points))
            own, labels = scan in chosen.own, returns.labels
            stands = kind == STANDS
            if not own:
                stands[stands] = ~around.is_gone(returns.points[stands])
            points = returns.points @ T[:3, :3].T + T[:3, 3]
            standing.add(points[stands], None if labels is None else labels[stands])
            if work.drive.classes is None:
                origin = returns.origins.mean(0) @ T[:3, :3].T + T[:3, 3]
                settings = work.settings.moving
                low.add(points[stands][ground(points[stands], origin, settings.ground_m, settings.farthest_m)])
            if own:
                alone.add(points[kind != OWN])
            moves = kind == MOVES
            if own and moves.any():
                if labels is None and work.drive.class_map_files(frame):
                    labels = shown_classes(work, frame, points)
                moving.add(points[moves], None if labels is None else self._voted(points[moves], labels[moves]))
        return standing, moving, low, alone, None if work.drive.classes is None else moving.vote()

    def _voted(self, points: Float64[np.ndarray, "p 3"], labels: UInt8[np.ndarray, "p"]) -> UInt8[np.ndarray, "p"]:
        """One class for each thing that moves: that of most of its returns."""
        number = clusters(points, self.work.settings.moving.cluster_m)
        votes = np.zeros((number.max() + 1, IGNORE + 1), np.int64)
        np.add.at(votes, (number, labels), 1)
        votes[:, IGNORE] = 0
        best = np.where(votes.any(1), votes.argmax(1), IGNORE).astype(np.uint8)
        return best[number]

    def _camera_masks(
        self, frame: Frame, occupied: Bool[np.ndarray, "x y z"], lidar: Bool[np.ndarray, "x y z"]
    ) -> tuple[Bool[np.ndarray, "x y z"], dict[str, Bool[np.ndarray, "x y z"]]]:
        """What all cameras see together, and each by itself."""
        found = self.work.drive.cameras(frame)
        together, alone = np.zeros_like(occupied), {}
        if found is not None:
            names, cameras = found
            for number, name in enumerate(names):
                alone[name] = lidar & sighted(occupied, cameras[number : number + 1], self.work.grid)
                together |= alone[name]
        return together, alone

    def _blocks(self, frame: Frame) -> range:
        """Blocks whose evidence counts for a frame: the same for all frames of a block."""
        work, settings = self.work, self.work.settings
        own, length = work.blocks.at(frame.time_s), work.blocks.block_s
        first, last = own - round(settings.before_s / length), own + round(settings.after_s / length)
        return range(max(first, 0), min(last + 1, len(work.blocks.scans)))

    def _surroundings(self, block: int) -> Surroundings:
        """Counts around all key frames of a block, kept for the next of them."""
        frames = [frame for frame in self.keys.values() if self.work.blocks.at(frame.time_s) == block]
        poses = self.work.drive.track.at(np.array([frame.time_s for frame in frames]))
        return surroundings(self.work, self._blocks(frames[0]), block, list(poses))
