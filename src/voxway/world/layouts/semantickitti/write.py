"""Writes a street as SemanticKITTI files: images, scans, labels, poses, and the voxels built from them.

Every file depends on the seed, its sequence and its frame alone, so any part can be written again, in any order and by
any process, with the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from voxway.data.files.flags import write_flags
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.layout import (
    Calibration,
    SequenceFiles,
    read_point_labels,
    read_poses,
    read_scan,
    write_calibration,
    write_point_labels,
    write_poses,
    write_scan,
    write_times,
    write_voxel_labels,
)
from voxway.truth.semantickitti import LabelledScan, build_truth
from voxway.world.layouts.boxes import BOXES, write_boxes
from voxway.world.layouts.files import write_png
from voxway.world.layouts.semantickitti.plan import SemanticKITTIPlan
from voxway.world.layouts.semantickitti.rig import kitti_rig
from voxway.world.layouts.semantics import class_map_path, write_class_maps
from voxway.world.sensors.camera import Camera, photograph
from voxway.world.sensors.lidar import scan
from voxway.world.sensors.scene import Caster, Scene
from voxway.world.sensors.street_cache import cached_street_and_caster
from voxway.world.shapes.labels import MOVING
from voxway.world.street.drive import PERIOD, present
from voxway.world.street.street import Street, random_stream

_VOXEL_KINDS: tuple[Literal["label", "bin", "invalid", "occluded"], ...] = ("label", "bin", "invalid", "occluded")


class SequenceWriter:
    """Writes one sequence, a few frames at a time.

    Args:
        root: the folder that holds `sequences/`.
        config: what to write.
        name: which of the config's sequences.
    """

    def __init__(self, root: Path, config: SemanticKITTIPlan, name: str) -> None:
        self.root, self.config, self.name = root, config, name
        self.files = SequenceFiles(root, name)
        self.rig = kitti_rig(config.size_px, config.columns)
        self.frames = config.frames(name)

    def write_drive(self) -> None:
        """Calibration, times, poses (their world is the first scan's frame) and boxes; what is there is kept."""
        files, rig = self.files, self.rig
        calibration = Calibration(P2=rig.P2, P3=rig.P3, T_cam_velo=rig.T_cam_velo)
        if not files.calibration.exists():
            write_calibration(files.calibration, calibration)
        if not files.times.exists():
            write_times(files.times, np.arange(self.frames) * PERIOD)
        if not files.poses.exists():
            T_velo = self._street()[0].drive.T_world_vehicle @ rig.lidar.T_vehicle_lidar
            write_poses(files.poses, np.linalg.inv(T_velo[0]) @ T_velo, rig.T_cam_velo)
        boxes = self.root / BOXES / f"{self.name}.json"
        if not boxes.exists():
            street = self._street()[0]
            names = {
                MOVING[raw]: SEMANTIC_KITTI.task.classes[int(_classes(np.array([MOVING[raw]]))[0])] for raw in MOVING
            }
            write_boxes(boxes, street, rig.lidar.T_vehicle_lidar, names)

    def write_frame(self, frame: int) -> None:
        """Scan, labels and, on frames that have them, images; what is there is kept."""
        cameras = [(number, camera) for number, camera in self._cameras(frame) if not self._there(number, frame)]
        scanned = self.files.scan(frame).exists() and self.files.point_labels(frame).exists()
        if scanned and not cameras:
            return
        street, static = self._street()
        T_world_vehicle = street.drive.T_world_vehicle[frame]
        scene = Scene(static, present(street.actors, frame, T_world_vehicle), street.ground)
        if not scanned:
            taken = scan(scene, self.rig.lidar, T_world_vehicle, self._stream("lidar", frame))
            write_scan(self.files.scan(frame), taken.points)
            write_point_labels(self.files.point_labels(frame), taken.labels)
        for number, camera in cameras:
            noise = self._stream(f"image_{number}", frame)
            picture = photograph(scene, street.light, camera, T_world_vehicle, noise)
            if not self.files.image(number, frame).exists():
                write_png(self.files.image(number, frame), picture.image)
            if self.config.semantics and number == 2:
                write_class_maps(self._class_map(frame), [picture], _classes, SEMANTIC_KITTI.task)

    def write_voxels(self, keys: Sequence[int]) -> None:
        """Voxels of key frames, from their scans as they lie on disk; what is there is kept."""
        poses = read_poses(self.files.poses, self.rig.T_cam_velo)
        scans: dict[int, LabelledScan] = {}
        for key in keys:
            if all(self.files.voxels(key, kind).exists() for kind in _VOXEL_KINDS):
                continue
            last = min(key + self.config.truth_scans, self.frames - 1)
            scans = {f: scans.get(f) or self._read(f, poses[f]) for f in range(key, last + 1, self.config.truth_stride)}
            truth = build_truth(list(scans.values()), SEMANTIC_KITTI.grid)
            write_voxel_labels(self.files.voxels(key, "label"), truth.labels)
            write_flags(self.files.voxels(key, "bin"), truth.occupied)
            write_flags(self.files.voxels(key, "invalid"), truth.invalid)
            write_flags(self.files.voxels(key, "occluded"), truth.occluded)

    def _cameras(self, frame: int) -> list[tuple[Literal[2, 3], Camera]]:
        if frame % self.config.image_stride or frame > self.config.last_key(self.name):
            return []
        return [(2, self.rig.left), (3, self.rig.right)] if self.config.stereo else [(2, self.rig.left)]

    def _there(self, number: Literal[2, 3], frame: int) -> bool:
        """Whether a camera's picture is written, and of the left one the classes of its pixels."""
        mapped = not self.config.semantics or number == 3 or self._class_map(frame).exists()
        return mapped and self.files.image(number, frame).exists()

    def _class_map(self, frame: int) -> Path:
        return class_map_path(self.root, f"{self.name}/{frame:06d}")

    def _read(self, frame: int, T_world_velo: np.ndarray) -> LabelledScan:
        points = read_scan(self.files.scan(frame))
        return LabelledScan(points, read_point_labels(self.files.point_labels(frame), len(points)), T_world_velo)

    def _street(self) -> tuple[Street, Caster]:
        return cached_street_and_caster(self.config.seed, self.name, self.frames, roadworks=False)

    def _stream(self, sensor: str, frame: int) -> np.random.Generator:
        return random_stream(self.config.seed, self.name, sensor, frame)


def _classes(raw: np.ndarray) -> np.ndarray:
    return SEMANTIC_KITTI.to_train(raw, "world")
