"""Pass (c): the voxels around each key frame, with masks and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, UInt8

from voxway.core.config import to_json
from voxway.core.task import IGNORE, Task
from voxway.core.version import __version__
from voxway.core.voxel_labels import FREE, OCCUPIED, VoxelLabels
from voxway.core.voxel_labels_file import write_voxel_labels
from voxway.data.recordings import Frame, frame_key, recorded
from voxway.prepare.occupancy.around import surroundings
from voxway.prepare.occupancy.boxes import with_boxes
from voxway.prepare.occupancy.chosen import Chosen, chosen_scans
from voxway.prepare.occupancy.gather import Gathering
from voxway.prepare.occupancy.passes import Pass
from voxway.prepare.occupancy.pixels import picture_files, picture_scans, seen_classes
from voxway.prepare.occupancy.work import DriveWork
from voxway.truth.coarse_classes import GROUND, coarse_classes, coarse_task
from voxway.truth.key_volume import Surroundings, states
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

    Raises:
        InputError: boxes are at fault, or their classes are not those of the recording's labels.
    """

    def __init__(self, work: DriveWork, evidence: Pass, motion: Pass) -> None:
        self.work, self.evidence, self.motion = work, evidence, motion
        self.keys = work.frame_keys()
        self.task = _task(work)
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
        found += [*picture_files(work, frame), *work.drive.box_files()]
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
        filled = Gathering(work, frame, T_world_frame, around, self.task)
        for scan in chosen.scans:
            filled.add(scan, scan in chosen.own)
        passes, confirmed = around.on_grid(grid, T_world_frame)
        state, moves = states(filled.standing, filled.moving, confirmed, work.settings.least_points)
        occupied = state == OCCUPIED
        lidar = occupied | (passes > 0)
        label = self._classes(frame, filled, state, moves, T_world_frame)
        flow = None if filled.flow is None else np.where(moves[..., None], filled.flow, np.float16(0))
        camera, cameras = self._camera_masks(frame, occupied, lidar)
        return VoxelLabels(
            key=frame_key(work.drive, frame),
            task=self.task,
            frame=work.drive.frame,
            T_world_frame=T_world_frame,
            time_s=frame.time_s,
            label=label,
            state=state,
            lidar=lidar,
            camera=camera,
            moving=moves,
            hits=filled.standing.hits,
            passes=passes,
            confirmed=confirmed,
            cameras=cameras if work.settings.each_camera else {},
            flow=flow,
            until_next_s=work.until_next_s(frame),
            own=filled.alone.points > 0,
            scans=tuple(f"{scan.sensor}/{scan.number:06d}" for scan in chosen.scans),
            lacking_s=chosen.lacking_s,
            parameters=self.parameters,
            version=__version__,
            recorded=recorded(work.drive, frame),
        )

    def _classes(
        self,
        frame: Frame,
        filled: Gathering,
        state: UInt8[np.ndarray, "x y z"],
        moves: Bool[np.ndarray, "x y z"],
        T_world_frame: Float64[np.ndarray, "4 4"],
    ) -> UInt8[np.ndarray, "x y z"]:
        """Class of each voxel, by the most trusted that says one."""
        work, grid, occupied, standing = self.work, self.work.grid, state == OCCUPIED, filled.standing
        named = np.where(moves, filled.moving.vote(), standing.vote())
        if work.drive.classes is None:
            grounded = filled.low.points > _GROUND_SHARE * np.maximum(standing.points, 1)
            coarse = coarse_classes(occupied & ~moves, moves, grounded, grid)
            found = np.where((named == IGNORE) | (named == GROUND), coarse, named)
        else:
            silent = occupied & ~moves & (named == IGNORE)
            if standing.placed and silent.any():
                named[silent] = seen_classes(work, frame, standing.places(silent), self.task, T_world_frame)
            found = named
        return np.where(occupied, found, np.where(state == FREE, self.task.free, IGNORE)).astype(np.uint8)

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


def _task(work: DriveWork) -> Task:
    """Classes of a recording's labels on the grid, or the coarse ones; and those of its boxes."""
    classes = work.drive.classes
    if classes is None:
        return with_boxes(coarse_task(work.grid), work.drive, known=False)
    return with_boxes(replace(classes, grid=work.grid), work.drive, known=True)
