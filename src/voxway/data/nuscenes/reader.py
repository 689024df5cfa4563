"""From a nuScenes key frame to a sample: what Occ3D's and OpenOccupancy's readers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from voxway.core.benchmark import IGNORE, Benchmark
from voxway.core.camera import Cameras
from voxway.core.errors import InputError
from voxway.core.sample import Sample
from voxway.data.augment import Augment
from voxway.data.nuscenes.frames import NuScenesConfig, find_frames
from voxway.data.nuscenes.key_frame import KeyFrame, parse_info
from voxway.data.nuscenes.points import aggregate, move
from voxway.data.surround import Truth, check_needs, load_cameras, mirrored, with_truth
from voxway.ops.draw import draw_depth_published


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


class NuScenesReader(ABC):
    """Samples of nuScenes by position or by token; `torch.utils.data.DataLoader` takes it as it is."""

    benchmark: ClassVar[Benchmark]
    mask_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: NuScenesConfig, sweeps: int, depth_range_m: tuple[float, float]) -> None:
        check_needs(config.needs)
        self._config, self._sweeps, self._depth_range_m = config, sweeps, depth_range_m
        self.frames = find_frames(config, self.benchmark)
        self.keys: tuple[str, ...] = tuple(str(info["token"]) for info in self.frames.infos)
        self._places = {key: place for place, key in enumerate(self.keys)}

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int | str) -> Sample:
        """The sample at a position, or of a token, as networks see it outside training.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        frame = self.key_frame(index)
        return self._sample(frame, None, np.random.default_rng(list(frame.token.encode())))

    def augmented(self, index: int | str, seed: int) -> Sample:
        """The sample after the random changes of training; the same for the same frame and seed.

        Every camera draws its own change of its picture; mirroring along x and y moves points, voxels, pose and cameras
        together. Depth images are those of the changed pictures. Without `augment` this is ``self[index]``.

        Raises:
            InputError: a file of this frame is missing or damaged.
        """
        if self._config.augment is None:
            return self[index]
        frame = self.key_frame(index)
        random = np.random.default_rng([seed, *frame.token.encode()])
        return mirrored(self._sample(frame, self._config.augment, random), self._config.augment, random)

    def key_frame(self, index: int | str) -> KeyFrame:
        """What was recorded for the sample at a position, or of a token.

        Raises:
            InputError: no such token, or its record is damaged.
        """
        if isinstance(index, str) and index not in self._places:
            remedy = "Check the split and the token."
            raise InputError(
                file=self.frames.source, field="keys", expected="a token of the split", found=index, remedy=remedy
            )
        place = self._places[index] if isinstance(index, str) else index
        return parse_info(self.frames.infos[place], self.frames.source)

    def truth(self, frame: KeyFrame) -> Truth:
        """Labels and masks of a key frame; nothing but 255 where it must not supervise.

        Raises:
            InputError: the label file is missing or damaged.
        """
        if not self.frames.supervises(frame):
            return Truth.withheld(self.benchmark.grid, self.mask_names)
        selection = self.frames.selection
        chosen = None if selection is None else selection.voxels(frame.token, self.benchmark.grid)
        truth = self._labels(frame)
        return truth if chosen is None else replace(truth, target=np.where(chosen, truth.target, np.uint8(IGNORE)))

    @abstractmethod
    def _labels(self, frame: KeyFrame) -> Truth:
        """Labels and masks of a key frame as its benchmark stores them."""

    @abstractmethod
    def _geometry(self, frame: KeyFrame) -> Geometry:
        """Where cameras and LiDAR are in its benchmark's ego frame."""

    def _sample(self, frame: KeyFrame, augment: Augment | None, random: np.random.Generator) -> Sample:
        needs, geometry = self._config.needs, self._geometry(frame)
        cameras, images = None, None
        if needs & {"images", "depth"}:
            cameras, images = self._cameras(frame, geometry, augment, random, "images" in needs)
        points = self._points(frame, geometry, random) if needs & {"points", "depth"} else None
        depth = None
        if "depth" in needs and cameras is not None and points is not None:
            depth = self._depth(points, cameras, geometry)
        sample = Sample(
            key=frame.token,
            grid=self.benchmark.grid,
            cameras=cameras,
            images=images,
            points=points if "points" in needs else None,
            pose=torch.from_numpy(geometry.T_world_ego) if "pose" in needs else None,
            depth=depth,
        )
        if "target" not in needs:
            return replace(sample, labelled=self.frames.supervises(frame))
        return with_truth(sample, self.truth(frame))

    def _cameras(
        self,
        frame: KeyFrame,
        geometry: Geometry,
        augment: Augment | None,
        random: np.random.Generator,
        pictures: bool,
    ) -> tuple[Cameras, Tensor | None]:
        paths = [Path(self._config.root) / camera.path for camera in frame.cameras.values()]
        K = np.stack([camera.K for camera in frame.cameras.values()])
        T_cam_ego = np.linalg.inv(geometry.T_ego_cam)
        return load_cameras(paths, K, T_cam_ego, self._config.image_px, augment, random, pictures)

    def _points(self, frame: KeyFrame, geometry: Geometry, random: np.random.Generator) -> Tensor:
        config = self._config
        points = aggregate(
            frame, Path(config.root), self._sweeps, config.sweep_choice, config.pad_sweeps, config.drop_near, random
        )
        if geometry.T_ego_lidar is not None:
            points = move(points, geometry.T_ego_lidar)
        return torch.from_numpy(points)

    def _depth(self, points: Tensor, cameras: Cameras, geometry: Geometry) -> Tensor:
        T_cam_points = torch.linalg.inv(torch.from_numpy(geometry.T_depth_cam).float())
        return draw_depth_published(
            points[:, :3], replace(cameras, T_cam_ego=T_cam_points.double()), self._depth_range_m
        )
