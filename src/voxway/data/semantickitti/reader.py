"""SemanticKITTI's reader: keys to raw moments. `layout.py` shows the tree of files.

The ego frame is the velodyne frame. Targets come from the official voxel files, or from the archive that users of the
published camera methods hold: preprocessed targets (`labels/SS/FFFFFF_1_1.npy`).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from voxway.core.arrays import read_member
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.core.task import IGNORE
from voxway.data.checks.pictures import check_principal_point
from voxway.data.files.images import image_size
from voxway.data.rig import load_pictures
from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.semantickitti.keys import find_keys, parse_key, split_keys
from voxway.data.semantickitti.labels import preprocessed_path, read_target, training_target
from voxway.data.semantickitti.layout import (
    SequenceFiles,
    read_point_labels,
    read_scan,
    read_voxel_flags,
    read_voxel_labels,
)
from voxway.data.semantickitti.sequence import calibration_of, poses_of, times_of


class SemanticKITTIReader:
    """Raw moments of SemanticKITTI; see `voxway.data.reader.Reader`."""

    benchmark = SEMANTIC_KITTI
    provides = frozenset(
        {"images", "points", "pose", "time", "target", "point_labels", "P", "T_rect_ego", "lidar_origin"}
    )
    mask_names: tuple[str, ...] = ()

    def __init__(self, config: SemanticKITTIConfig) -> None:
        for camera in config.cameras:
            if camera not in (2, 3):
                raise _bad("SemanticKITTIConfig", "cameras", "2 (left) or 3 (right)", camera, "Choose among those.")
        self.config = config
        self.keys: tuple[str, ...] = find_keys(config)

    @cached_property
    def split_keys(self) -> tuple[str, ...]:
        """All annotated frames of the split that are there, and of sequences named beyond it, ascending."""
        return split_keys(self.config)

    def drive(self, key: str) -> str:
        """The sequence, e.g. ``"08"``."""
        return parse_key(key)[0]

    def before(self, key: str, recordings: int) -> str:
        """The frame so many scans before, scan 0 at most."""
        sequence, frame = parse_key(key)
        return f"{sequence}/{max(frame - recordings, 0):06d}"

    def files(self, key: str, field: str) -> tuple[Path, ...]:
        """See `Reader.files`."""
        files, frame = self._files(key)
        if field == "points":
            return (files.scan(frame),)
        if field == "point_labels":
            return files.scan(frame), files.point_labels(frame)
        if field == "target":
            target = self._target_path(files, frame)
            return (target,) if self._made_elsewhere else (target, files.voxels(frame, "invalid"))
        if field == "time":
            return (files.times,)
        if field == "pose":
            return files.poses, *files.calibration_files
        pictures = self._pictures(key) if field in ("images", "cameras") else ()
        return *pictures, *files.calibration_files

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """What the files hold of a frame.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        files, frame = self._files(key)
        cameras = self._cameras(key) if fields & {"images", "cameras"} else None
        points = read_scan(files.scan(frame)) if fields & {"points", "point_labels"} else None
        labels: Tensor | None = None
        if points is not None and "point_labels" in fields:
            labels = torch.from_numpy(_point_classes(files.point_labels(frame), len(points)))
        extras: dict[str, Tensor] = {"lidar_origin": torch.zeros(3)} if "lidar_origin" in fields else {}
        if fields & {"P", "T_rect_ego"}:
            calibration = calibration_of(files, self.config.cameras)
            projections = [calibration.projection(camera) for camera in self.config.cameras]
            extras["P"] = torch.from_numpy(np.stack(projections))
            extras["T_rect_ego"] = torch.from_numpy(calibration.T_cam_velo)
        return Sample(
            key=key,
            grid=SEMANTIC_KITTI.grid,
            cameras=cameras,
            images=load_pictures(self._pictures(key), cameras) if cameras and "images" in fields else None,
            points=None if points is None else torch.from_numpy(points),
            point_labels=labels,
            pose=self._pose(files, frame) if "pose" in fields else None,
            time_s=self._time_s(files, frame) if "time" in fields else None,
            extras=extras,
        )

    def lidar_pose(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """See `voxway.data.reader.LidarPoses`; the ego frame is the LiDAR's."""
        return self._pose(*self._files(key)).numpy(), np.eye(4)

    def truth(self, key: str) -> Occupancy:
        """Classes of a frame; 255 where the voxel was never seen or its raw class is not trained.

        Raises:
            InputError: the label file is missing or damaged.
        """
        files, frame = self._files(key)
        classes = torch.from_numpy(self._target(files, frame))
        return Occupancy(task=SEMANTIC_KITTI.task, classes=classes, key=key)

    def _files(self, key: str) -> tuple[SequenceFiles, int]:
        sequence, frame = parse_key(key)
        return SequenceFiles(self.config.folder, sequence, self.config.voxel_folder), frame

    def _pictures(self, key: str) -> list[Path]:
        files, frame = self._files(key)
        return [files.image(camera, frame) for camera in self.config.cameras]

    def _cameras(self, key: str) -> Cameras:
        paths, calibration = self._pictures(key), calibration_of(self._files(key)[0], self.config.cameras)
        P = np.stack([calibration.projection(camera) for camera in self.config.cameras])
        sizes = [image_size(path) for path in paths]
        for path, size_px, projection in zip(paths, sizes, P):
            check_principal_point(path, size_px, projection[:, :3], least_row=0.25)
        T_cam_velo = torch.from_numpy(calibration.T_cam_velo).expand(len(P), 4, 4)
        return Cameras.from_projection(torch.from_numpy(P), T_cam_velo, torch.tensor(sizes))

    def _pose(self, files: SequenceFiles, frame: int) -> Tensor:
        poses = poses_of(files)
        if frame >= len(poses):
            remedy = "It needs a line per scan, from scan 0 on; SemanticKITTI's own download has one for each sequence."
            raise _bad(files.poses, "lines", f"a pose for scan {frame}", f"{len(poses)} lines", remedy)
        return torch.from_numpy(poses[frame])

    def _time_s(self, files: SequenceFiles, frame: int) -> float:
        times = times_of(files)
        if frame >= len(times):
            remedy = (
                "It needs a line per scan, from scan 0 on; KITTI odometry's own download has one for each sequence."
            )
            raise _bad(files.times, "lines", f"a time for scan {frame}", f"{len(times)} lines", remedy)
        return float(times[frame])

    @property
    def _made_elsewhere(self) -> bool:
        return self.config.targets is not None or self.config.preprocessed is not None

    def _target(self, files: SequenceFiles, frame: int) -> np.ndarray:
        config, path = self.config, self._target_path(files, frame)
        if config.targets is not None:
            target = read_member(path, config.targets_field, "Check the folder and `targets_field`.")
            if target.dtype != np.uint8:
                raise _bad(path, config.targets_field, "training ids, uint8", target.dtype, "Choose another field.")
            return target
        if config.preprocessed is not None:
            return read_target(path)
        return training_target(read_voxel_labels(path), read_voxel_flags(files.voxels(frame, "invalid")), path)

    def _target_path(self, files: SequenceFiles, frame: int) -> Path:
        config = self.config
        if config.targets is not None:
            return Path(config.targets) / f"{files.sequence}_{frame:06d}.npz"
        if config.preprocessed is not None:
            return preprocessed_path(config.preprocessed, files.sequence, frame)
        return files.voxels(frame, "label")


def _point_classes(path: Path, points: int) -> np.ndarray:
    """Training ids of a scan's points; raw 0 means unlabelled here, not empty."""
    raw = read_point_labels(path, points) & 0xFFFF
    trained = SEMANTIC_KITTI.to_train(raw, path)
    trained[raw == 0] = IGNORE
    return trained


def _bad(file: object, field: str, expected: object, found: object, remedy: str) -> InputError:
    return InputError(file=file, field=field, expected=expected, found=found, remedy=remedy)
