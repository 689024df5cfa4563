"""From a nuScenes key frame to a raw moment: what readers of all labellings share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.occupancy import Occupancy
from voxway.core.sample import Sample
from voxway.data.files.names import picture
from voxway.data.files.scans import move
from voxway.data.nuscenes.config import NuScenesConfig
from voxway.data.nuscenes.frames import find_frames
from voxway.data.nuscenes.infos import Info
from voxway.data.nuscenes.key_frame import KeyFrame, lidar_pose, parse_info
from voxway.data.nuscenes.points import aggregate
from voxway.data.rig import load_cameras, load_pictures


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where things of one key frame are, in the ego frame of a benchmark.

    Attributes:
        T_ego_cam: cameras to ego, as the networks' cameras have it.
        T_depth_cam: cameras to the frame of the points, as the depth images have it.
        T_ego_lidar: LiDAR to the frame of the points; None where they stay in the LiDAR's.
        T_world_ego: ego pose.
    """

    T_ego_cam: Float64[np.ndarray, "n 4 4"]
    T_depth_cam: Float64[np.ndarray, "n 4 4"]
    T_ego_lidar: np.ndarray | None
    T_world_ego: Float64[np.ndarray, "4 4"]


def lidar_geometry(frame: KeyFrame) -> Geometry:
    """That of benchmarks whose ego frame is the LiDAR's, with the car's motion between scan and pictures."""
    T_lidar_cam = np.stack([camera.T_lidar_cam for camera in frame.cameras.values()])
    return Geometry(
        T_ego_cam=T_lidar_cam,
        T_depth_cam=T_lidar_cam,
        T_ego_lidar=None,
        T_world_ego=frame.T_world_ego @ frame.T_ego_lidar,
    )


class NuScenesReader(ABC):
    """Raw moments of nuScenes by sample token; see `voxway.data.reader.Reader`."""

    benchmark: ClassVar[Benchmark]
    mask_names: ClassVar[tuple[str, ...]] = ()
    ego_is_lidar: ClassVar[bool] = False
    """Whether the benchmark's ego frame is the LiDAR's."""
    provides = frozenset({"images", "points", "pose", "time", "target", "T_cam_points", "lidar_origin"})

    def __init__(self, config: NuScenesConfig, sweeps: int) -> None:
        self._config, self._sweeps = config, sweeps
        self.frames = find_frames(config, self.benchmark)
        self.keys = self.frames.keys
        self.split_keys: tuple[str, ...] = tuple(str(info["token"]) for info in self.frames.infos)
        self._infos = dict(zip(self.split_keys, self.frames.infos))

    def drive(self, key: str) -> str:
        """Token of the scene."""
        return str(self._info(key)["scene_token"])

    def before(self, key: str, recordings: int) -> str:
        """The sample so many key frames before, or the first of the scene."""
        own = self._scenes[self.drive(key)]
        return own[max(own.index(key) - recordings, 0)]

    def files(self, key: str, field: str) -> tuple[Path, ...]:
        """See `Reader.files`; of sweeps, those that may be drawn."""
        frame = self.key_frame(key)
        if field == "target":
            return (self.label_path(frame),)
        recorded: Sequence[Path] = ()
        if field in ("images", "cameras"):
            recorded = self._pictures(frame)
        elif field == "points":
            drawn = frame.sweeps
            if not self._sweeps or self._config.sweep_choice == "nearest":
                drawn = frame.sweeps[: self._sweeps]
            recorded = [self._config.folder / path for path in (frame.lidar_path, *(sweep.path for sweep in drawn))]
        return *recorded, *self.frames.files

    def key_frame(self, key: str) -> KeyFrame:
        """What was recorded for a sample.

        Raises:
            InputError: no such token, or its record is damaged.
        """
        return parse_info(self._info(key), self.frames.source)

    def lidar_pose(self, key: str) -> tuple[Float64[np.ndarray, "4 4"], Float64[np.ndarray, "4 4"]]:
        """See `voxway.data.reader.LidarPoses`."""
        T_world_ego, T_ego_lidar = lidar_pose(self._info(key), self.frames.source)
        return (T_world_ego @ T_ego_lidar, np.eye(4)) if self.ego_is_lidar else (T_world_ego, T_ego_lidar)

    def moment(self, key: str, fields: frozenset[str], random: np.random.Generator) -> Sample:
        """What the files hold of a key frame.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        frame = self.key_frame(key)
        geometry = self._geometry(frame)
        cameras, images, extras = None, None, {}
        if fields & {"images", "cameras"}:
            paths = self._pictures(frame)
            K = np.stack([camera.K for camera in frame.cameras.values()])
            cameras = load_cameras(paths, K, np.linalg.inv(geometry.T_ego_cam))
            images = load_pictures(paths, cameras) if "images" in fields else None
        if "T_cam_points" in fields:
            extras["T_cam_points"] = torch.linalg.inv(torch.from_numpy(geometry.T_depth_cam).float())
        if "lidar_origin" in fields:
            T = np.eye(4) if geometry.T_ego_lidar is None else geometry.T_ego_lidar
            extras["lidar_origin"] = torch.from_numpy(T[:3, 3].astype(np.float32))
        return Sample(
            key=key,
            grid=self.benchmark.grid,
            cameras=cameras,
            images=images,
            points=self._points(frame, geometry, random) if "points" in fields else None,
            pose=torch.from_numpy(geometry.T_world_ego) if "pose" in fields else None,
            time_s=frame.timestamp_us / 1e6 if "time" in fields else None,
            extras=extras,
        )

    def truth(self, key: str) -> Occupancy:
        """Labels and masks of a key frame.

        Raises:
            InputError: the label file is missing or damaged.
        """
        return self._labels(self.key_frame(key))

    @abstractmethod
    def label_path(self, frame: KeyFrame) -> Path:
        """Where the labels of a key frame lie."""

    @abstractmethod
    def _labels(self, frame: KeyFrame) -> Occupancy:
        """Labels and masks of a key frame as its benchmark stores them."""

    @abstractmethod
    def _geometry(self, frame: KeyFrame) -> Geometry:
        """Where cameras and LiDAR are in its benchmark's ego frame."""

    def _pictures(self, frame: KeyFrame) -> list[Path]:
        return [picture(self._config.folder / camera.path) for camera in frame.cameras.values()]

    def _info(self, key: str) -> Info:
        if key not in self._infos:
            remedy = "Check the split and the token."
            raise InputError(
                file=self.frames.source, field="keys", expected="a token of the split", found=key, remedy=remedy
            )
        return self._infos[key]

    @cached_property
    def _scenes(self) -> Mapping[str, list[str]]:
        """Keys of every scene of the split, in order of time."""
        scenes: dict[str, list[str]] = {}
        for key in self.split_keys:
            scenes.setdefault(self.drive(key), []).append(key)
        return scenes

    def _points(self, frame: KeyFrame, geometry: Geometry, random: np.random.Generator) -> Tensor:
        config = self._config
        points = aggregate(
            frame, config.folder, self._sweeps, config.sweep_choice, config.pad_sweeps, config.drop_near, random
        )
        if geometry.T_ego_lidar is not None:
            points = move(points, geometry.T_ego_lidar)
        return torch.from_numpy(points)
