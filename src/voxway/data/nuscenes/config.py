"""Which nuScenes key frames to read, and in which of their ego frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from voxway.core.files import Json
from voxway.core.frame_shape import FrameShape
from voxway.data.config import DataConfig

if TYPE_CHECKING:
    from voxway.data.nuscenes.occ3d import Occ3DNuScenesReader
    from voxway.data.nuscenes.openocc import OpenOccReader
    from voxway.data.nuscenes.openoccupancy import OpenOccupancyReader
    from voxway.data.nuscenes.surroundocc import SurroundOccReader

_OF_POINTS = ("sweeps", "sweep_choice", "pad_sweeps", "drop_near", "points_ego")


@dataclass(frozen=True, kw_only=True)
class NuScenesConfig(DataConfig):
    """What labels of nuScenes have in common, whoever made them. `root` is the folder that holds `samples/`
    and `sweeps/`; drives are scenes by name ("scene-0061") or token, keys are sample tokens.
    """

    parts: ClassVar[tuple[str, ...]] = ("samples", "sweeps", "gts", "v1.0-trainval", "v1.0-mini", "v1.0-test")

    infos: Path | None = None
    """Info file of the split, such as bevdetv3-nuscenes_infos_val.pkl; None reads nuScenes' own tables below `root`."""
    labels: Path | None = None
    """Folder of the voxel labels; None: where the release puts it below `root`."""
    image_px: tuple[int, int] | None = (256, 704)
    """(height, width) of the network's images; None leaves them as recorded."""
    depth_rule: Literal["nearest", "published"] = "published"
    """See `DataConfig`."""
    depth_range_m: tuple[float, float] | None = (1.0, 45.0)
    """Least depth in depth images, and the one from which on points are left out."""
    sweep_choice: Literal["random", "nearest"] = "random"
    """Which sweeps, where more are listed than asked for. Published networks draw them at random, in tests too.
    Here the draw is seeded by the frame's token, so that it is the same every time. "nearest" takes the latest."""
    pad_sweeps: bool = True
    """Repeat the key frame's points where a frame has no sweep at all, as published: sums over points stay alike."""
    drop_near: Literal["sweeps", "all", "none"] = "sweeps"
    """Whose points within 1 m of the sensor (along x and y) are dropped. Published: the key frame keeps its own."""

    @classmethod
    def is_root(cls, folder: Path) -> bool | None:
        """See `DataConfig.is_root`."""
        return any((folder / name).is_dir() for name in ("samples", "v1.0-trainval", "v1.0-mini", "v1.0-test"))

    def recorded(self, fields: frozenset[str]) -> dict[str, Json]:
        """See `DataConfig.recorded`."""
        names = [name for name in _OF_POINTS if hasattr(self, name)] if "points" in fields else []
        names += ["cameras_ego"] if "images" in fields and hasattr(self, "cameras_ego") else []
        return {f"data.{name}": getattr(self, name) for name in names}

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`; with ten scans, the most that published networks read in training."""
        return replace(super().frame_shape(), columns=5, sweeps=10, masks=("camera", "lidar"))


@dataclass(frozen=True, kw_only=True)
class Occ3DNuScenesConfig(NuScenesConfig):
    """Occ3D-nuScenes; `labels` holds <scene name>/<sample token>/labels.npz, by default `gts` below `root`."""

    sweeps: int = 9
    """LiDAR scans before the key frame to add, at most."""
    points_ego: Literal["cam_front", "lidar"] = "cam_front"
    """Time of the ego frame that points are in: of CAM_FRONT's picture, multiplied in float32, as published; or of the
    LiDAR scan, which is the labels'."""
    cameras_ego: Literal["cam_front_left", "lidar"] = "cam_front_left"
    """Time of the ego frame that cameras are in: of CAM_FRONT_LEFT's picture, as published; or of the LiDAR scan."""
    depth_motion: Literal["ignored", "compensated"] = "ignored"
    """Whether depth images account for the car's motion between the points' time and each picture's. Published: not."""

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`; with the most scans that a frame has."""
        return replace(super().frame_shape(), sweeps=1 + self.sweeps)

    def one_scan(self) -> Occ3DNuScenesConfig:
        """See `DataConfig.one_scan`."""
        return replace(self, sweeps=0)

    def reader(self) -> Occ3DNuScenesReader:
        """See `DataConfig.reader`."""
        from voxway.data.nuscenes.occ3d import Occ3DNuScenesReader

        return Occ3DNuScenesReader(self)


@dataclass(frozen=True, kw_only=True)
class OpenOccConfig(Occ3DNuScenesConfig):
    """OpenOcc-nuScenes, version 2; `labels` holds <scene name>/<sample token>/labels.npz, by default `openocc_v2` below
    `root`.
    """

    parts: ClassVar[tuple[str, ...]] = (*NuScenesConfig.parts, "openocc_v2")

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`; without masks."""
        return replace(super().frame_shape(), masks=())

    def reader(self) -> OpenOccReader:
        """See `DataConfig.reader`."""
        from voxway.data.nuscenes.openocc import OpenOccReader

        return OpenOccReader(self)


@dataclass(frozen=True, kw_only=True)
class OpenOccupancyConfig(NuScenesConfig):
    """OpenOccupancy; `labels` holds scene_<scene token>/occupancy, by default `nuScenes-Occupancy-v0.1`."""

    flat_order: Literal["xyz", "zyx"] = "xyz"
    """Slowest to fastest axis in label files of flat indices (rows of two); rows of four need no such word."""
    sweeps: int | None = None
    """LiDAR scans before the key frame to add, at most. None: 9 in training and 10 elsewhere, as published."""
    depth_range_m: tuple[float, float] | None = (1.0, 60.0)
    """Least depth in depth images, and the one from which on points are left out; the networks' depth bins."""

    def one_scan(self) -> OpenOccupancyConfig:
        """See `DataConfig.one_scan`."""
        return replace(self, sweeps=0)

    def reader(self) -> OpenOccupancyReader:
        """See `DataConfig.reader`."""
        from voxway.data.nuscenes.openoccupancy import OpenOccupancyReader

        return OpenOccupancyReader(self)


@dataclass(frozen=True, kw_only=True)
class SurroundOccConfig(NuScenesConfig):
    """SurroundOcc; `labels` holds <file name of the LiDAR scan>.npy, by default `surroundocc/samples`,
    `nuscenes_occ/samples` or `dense_voxels_with_semantic`, whichever is there.
    """

    parts: ClassVar[tuple[str, ...]] = (*NuScenesConfig.parts, "surroundocc", "nuscenes_occ")

    sweeps: int = 9
    """LiDAR scans before the key frame to add, at most."""
    depth_range_m: tuple[float, float] | None = (1.0, 60.0)
    """Least depth in depth images, and the one from which on points are left out."""

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`; with the most scans that a frame has, and without masks."""
        return replace(super().frame_shape(), sweeps=1 + self.sweeps, masks=())

    def one_scan(self) -> SurroundOccConfig:
        """See `DataConfig.one_scan`."""
        return replace(self, sweeps=0)

    def reader(self) -> SurroundOccReader:
        """See `DataConfig.reader`."""
        from voxway.data.nuscenes.surroundocc import SurroundOccReader

        return SurroundOccReader(self)
