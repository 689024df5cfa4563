"""Writes a street as SSCBench-KITTI-360 files: images, scans, poses, and labels built from the scans.

Every file depends on the seed, its drive and its frame alone, so any part can be written again, in any order and by
any process, with the same bytes.
"""

from __future__ import annotations

import io
from functools import cached_property
from pathlib import Path

import numpy as np

from voxway.core.files import write_bytes
from voxway.core.task import IGNORE
from voxway.data.files.flags import write_flags
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.kitti360.calibration import write_calibration
from voxway.data.kitti360.layout import Camera, DriveFiles
from voxway.data.kitti360.poses import poses_text
from voxway.truth.semantickitti import LabelledScan, build_truth
from voxway.world.layouts.files import write_png
from voxway.world.layouts.kitti360.classes import SSCBENCH_IDS
from voxway.world.layouts.kitti360.plan import KITTI360Plan
from voxway.world.layouts.kitti360.rig import kitti360_rig
from voxway.world.layouts.semantics import class_map_path, write_class_maps
from voxway.world.sensors.camera import photograph
from voxway.world.sensors.observe import Observer
from voxway.world.sensors.street_cache import cached_street_and_caster
from voxway.world.street.drive import PERIOD
from voxway.world.street.street import random_stream


class DriveWriter:
    """Writes one drive, a few key frames at a time.

    Args:
        root: the folder that holds `data_2d_raw/`.
        config: what to write.
        name: which of the config's drives.
    """

    def __init__(self, root: Path, config: KITTI360Plan, name: str) -> None:
        self.root, self.config, self.name = root, config, name
        self.files = DriveFiles(root, name, root / "preprocess" / "labels")
        self.rig = kitti360_rig(config.size_px, config.columns)

    def write_poses(self) -> None:
        """The left camera's poses in all frames, kept if they are there."""
        if not self.files.poses.exists():
            T_velo = self._observer.street.drive.T_world_vehicle @ self.rig.lidar.T_vehicle_lidar
            write_bytes(self.files.poses, poses_text(dict(enumerate(T_velo)), self.rig.calibration.T_cam_velo))

    def write_frame(self, frame: int) -> None:
        """Pictures, scan, voxels and labels of a key frame; what is there is kept."""
        name, time = f"{frame:06d}", frame * PERIOD
        numbers: tuple[Camera, Camera] = (0, 1)
        class_map = class_map_path(self.root, f"{self.name}/{name}")
        for number, camera in zip(numbers, (self.rig.left, self.rig.right)):
            path = self.files.image(number, name)
            mapped = not self.config.semantics or number == 1 or class_map.exists()
            if path.exists() and mapped:
                continue
            observer = self._observer
            noise, pose = self._stream(f"image_{number}", frame), observer.pose(time)
            picture = photograph(observer.scene(time), observer.street.light, camera, pose, noise)
            if not path.exists():
                write_png(path, picture.image)
            if not mapped:
                write_class_maps(class_map, [picture], SSCBENCH_IDS.__getitem__, SSCBENCH_KITTI360.task)
        scan = self.files.scan(name)
        if not scan.exists():
            write_bytes(scan, np.ascontiguousarray(self._observer.scan(frame).points, "<f4").tobytes())
        if not self.files.target(name).exists():
            self._write_labels(frame, name)

    def _write_labels(self, frame: int, name: str) -> None:
        observer = self._observer
        scans = []
        for turn in self.config.truth_turns(self.name, frame):
            taken = observer.scan(turn)
            T_world_velo = observer.pose(turn * PERIOD) @ self.rig.lidar.T_vehicle_lidar
            scans.append(LabelledScan(taken.points, taken.labels, T_world_velo))
        truth = build_truth(scans, SSCBENCH_KITTI360.grid)
        target = SSCBENCH_IDS[truth.labels]
        # What has no class, and what no scan saw, carries no truth.
        target[((target == 0) & (truth.labels > 0)) | truth.invalid] = IGNORE
        write_flags(self.files.voxels(name), truth.occupied)
        buffer = io.BytesIO()
        np.save(buffer, target)
        write_bytes(self.files.target(name), buffer.getvalue())

    @cached_property
    def _observer(self) -> Observer:
        config = self.config
        street, static = cached_street_and_caster(config.seed, self.name, config.frames(self.name), roadworks=False)
        return Observer(
            street,
            static,
            self.rig.lidar,
            lambda turn: turn * PERIOD,
            lambda turn: self._stream("velodyne", turn),
            kept=config.truth_scans + 1,
        )

    def _stream(self, sensor: str, number: int) -> np.random.Generator:
        return random_stream(self.config.seed, self.name, sensor, number)


def write_shared(root: Path, config: KITTI360Plan) -> None:
    """Write the calibration, which all drives share; what is there is kept."""
    rig = kitti360_rig(config.size_px, config.columns)
    for path, content in write_calibration(root / "calibration", rig.calibration).items():
        if not path.exists():
            write_bytes(path, content)
