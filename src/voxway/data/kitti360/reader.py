"""SSCBench-KITTI-360's reader: keys to raw moments in the LiDAR's frame. `layout.py` shows the tree of files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.data.checks.pictures import check_principal_point
from voxway.data.files.images import image_size
from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.data.kitti360.calibration import Calibration, calibration_files, read_calibration
from voxway.data.kitti360.config import KITTI360Config
from voxway.data.kitti360.keys import find_keys, split_keys
from voxway.data.kitti360.layout import DriveFiles, parse_key, read_scan, read_target
from voxway.data.kitti360.poses import read_poses
from voxway.data.rig import load_pictures


class KITTI360Reader:
    """Raw moments of SSCBench-KITTI-360; see `voxway.data.reader.Reader`."""

    benchmark = SSCBENCH_KITTI360
    provides = frozenset({"images", "points", "pose", "target", "P", "T_rect_ego", "lidar_origin"})
    mask_names: tuple[str, ...] = ()

    def __init__(self, config: KITTI360Config) -> None:
        self.config = config
        self.keys: tuple[str, ...] = find_keys(config)
        self._poses: dict[str, dict[int, np.ndarray]] = {}

    @cached_property
    def split_keys(self) -> tuple[str, ...]:
        """All annotated frames of the split that are there, and of drives named beyond it, ascending."""
        return split_keys(self.config)

    @cached_property
    def calibration(self) -> Calibration:
        """Of all drives."""
        return read_calibration(self.config.folder / "calibration")

    def drive(self, key: str) -> str:
        """The drive's whole name."""
        return parse_key(key)[0]

    def before(self, key: str, recordings: int) -> str:
        """The frame so many recordings before, frame 0 at most."""
        drive, frame = parse_key(key)
        return f"{drive}/{max(int(frame) - recordings, 0):0{len(frame)}d}"

    def files(self, key: str, field: str) -> tuple[Path, ...]:
        """See `Reader.files`; constants serve where there is no calibration."""
        files, frame = self._files(key)
        own = {"points": files.scan(frame), "target": files.target(frame), "pose": files.poses}
        if field in ("points", "target"):
            return (own[field],)
        pictures = self._pictures(key) if field in ("images", "cameras") else []
        return *pictures, *([own[field]] if field in own else []), *calibration_files(files.calibration)

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """What the files hold of a frame.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        files, frame = self._files(key)
        cameras = self._cameras(key) if fields & {"images", "cameras"} else None
        extras: dict[str, Tensor] = {"lidar_origin": torch.zeros(3)} if "lidar_origin" in fields else {}
        if "P" in fields:
            extras["P"] = torch.from_numpy(self.calibration.projections[list(self.config.cameras)])
        if "T_rect_ego" in fields:
            extras["T_rect_ego"] = torch.from_numpy(self.calibration.T_cam_velo)
        return Sample(
            key=key,
            grid=SSCBENCH_KITTI360.grid,
            cameras=cameras,
            images=load_pictures(self._pictures(key), cameras) if cameras and "images" in fields else None,
            points=torch.from_numpy(read_scan(files.scan(frame))) if "points" in fields else None,
            pose=self._pose(files, frame) if "pose" in fields else None,
            extras=extras,
        )

    def lidar_pose(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """See `voxway.data.reader.LidarPoses`; the ego frame is the LiDAR's."""
        return self._pose(*self._files(key)).numpy(), np.eye(4)

    def truth(self, key: str) -> Occupancy:
        """Classes of a frame; 255 where nothing is known.

        Raises:
            InputError: the target is missing or damaged.
        """
        files, frame = self._files(key)
        classes = torch.from_numpy(read_target(files.target(frame)))
        return Occupancy(task=SSCBENCH_KITTI360.task, classes=classes, key=key)

    def _files(self, key: str) -> tuple[DriveFiles, str]:
        drive, frame = parse_key(key)
        return DriveFiles(self.config.folder, drive, self.config.labels), frame

    def _pictures(self, key: str) -> list[Path]:
        files, frame = self._files(key)
        return [files.image(camera, frame) for camera in self.config.cameras]

    def _cameras(self, key: str) -> Cameras:
        paths, P = self._pictures(key), self.calibration.projections[list(self.config.cameras)]
        sizes = [image_size(path) for path in paths]
        for path, size_px, projection in zip(paths, sizes, P):
            check_principal_point(path, size_px, projection[:, :3])
        T_cam_velo = torch.from_numpy(self.calibration.T_cam_velo).expand(len(P), 4, 4)
        return Cameras.from_projection(torch.from_numpy(P), T_cam_velo, torch.tensor(sizes))

    def _pose(self, files: DriveFiles, frame: str) -> Tensor:
        if files.drive not in self._poses:
            self._poses[files.drive] = read_poses(files.poses, self.calibration.T_cam_velo)
        poses = self._poses[files.drive]
        if int(frame) not in poses:
            raise InputError(
                file=files.poses,
                field=f"frame {frame}",
                expected="a pose",
                found=f"poses of {len(poses)} other frames",
                remedy="KITTI-360 has no pose where its car hardly moved; leave the frame out.",
            )
        return torch.from_numpy(poses[int(frame)])
