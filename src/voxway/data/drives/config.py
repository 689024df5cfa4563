"""Which frames of drives of one's own to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from voxway.core.benchmark import Benchmark
from voxway.core.files import Json
from voxway.core.frame_shape import FrameShape
from voxway.core.task import Task
from voxway.core.voxel_labels_file import read_voxel_labels
from voxway.data.config import DataConfig
from voxway.data.drives.benchmark import OWN
from voxway.data.drives.layout import RIG, DriveFiles, drives_in
from voxway.data.files.predictions import OccupancyFiles
from voxway.data.own.config import RigConfig
from voxway.data.own.rig_file import read_rig
from voxway.data.street import STREET

if TYPE_CHECKING:
    from voxway.data.drives.reader import DrivesReader
    from voxway.data.entry import Server

C = TypeVar("C", bound="DrivesConfig")
LIDAR_FIELDS = frozenset({"points", "lidar_origin"})
"""Raw fields that are read from LiDARs."""
CAMERA_FIELDS = frozenset({"images", "cameras"})
"""Raw fields that are read from cameras."""


@dataclass(frozen=True, kw_only=True)
class DrivesConfig(DataConfig):
    """Drives of one's own rigs, with voxel labels. `root` holds a folder for each; keys are such as "monday/000012":
    the drive's folder, and which recording of its rig's clock, counted from 0.
    """

    cameras_vary: ClassVar[bool] = True

    task: Task = STREET
    """Grid and classes of the labels; labels of another task are refused."""
    ego_height_m: float = 0.0
    """Height of all rigs' ego frames above the road: networks learn where the road is."""
    cameras: tuple[str, ...] = ()
    """Names of the cameras to read, in order, of those that a drive has; empty: all, as its rig's file lists them."""
    lidars: bool = True
    """Whether LiDARs are read where a drive has some; without, points are none."""
    scans: int = 1
    """LiDAR scans in a moment, this one and those before it: more than one needs poses, without which it is one."""
    columns: int = 4
    """Columns of a point: x, y, z in metres, intensity, age in seconds, and nothing (0) in more."""

    @classmethod
    def as_labelled(cls: type[C], root: Path, **settings: object) -> C:
        """The drives in a folder, with task and height as the first labels there and their rig have them.

        Raises:
            InputError: labels or a rig's file that cannot be read.
        """
        for drive in drives_in(Path(root)):
            files = DriveFiles(Path(root), drive)
            for number in files.labelled()[:1]:
                task = read_voxel_labels(files.labels(number)).task
                return cls(root=root, task=task, ego_height_m=read_rig(files.rig).ego_height_m, **settings)  # ty: ignore
        return cls(root=root, **settings)  # ty: ignore

    @classmethod
    def is_root(cls, folder: Path) -> bool | None:
        """See `DataConfig.is_root`."""
        return bool(drives_in(folder))

    @cached_property
    def folder(self) -> Path:
        """See `DataConfig.folder`; a drive of them stands for all."""
        root = Path(self.root).absolute()
        return root.parent if (root / RIG).is_file() else super().folder

    @cached_property
    def benchmark(self) -> Benchmark:
        """What is read."""
        return replace(OWN, task=self.task, ego_height_m=self.ego_height_m)

    def reader(self) -> DrivesReader:
        """See `DataConfig.reader`."""
        from voxway.data.drives.reader import DrivesReader

        return DrivesReader(self)

    def server(self) -> Server:
        """See `DataConfig.server`: no server takes these frames."""
        return OccupancyFiles(self.benchmark)

    def own_task(self) -> tuple[Task, float]:
        """See `DataConfig.own_task`."""
        return self.task, self.ego_height_m

    def rig(self, drive: str, raw: frozenset[str]) -> RigConfig:
        """What is read of a drive's rig.

        Args:
            drive: its folder's name.
            raw: raw fields that are asked for: sensors that nobody reads are left alone.

        Raises:
            InputError: the rig's file cannot be read.
        """
        file = DriveFiles(self.folder, drive).rig
        known = tuple(camera.name for camera in read_rig(file).cameras) if raw & CAMERA_FIELDS else ()
        return RigConfig(
            root=file.parent,
            split="test",
            file=file,
            dataset="own",
            task=self.task,
            ego_height_m=self.ego_height_m,
            cameras=tuple(name for name in self.cameras if name in known) if self.cameras else known,
            lidars=self.lidars and bool(raw & LIDAR_FIELDS),
            scans=self.scans,
            columns=self.columns,
        )

    def one_scan(self: C) -> C:
        """See `DataConfig.one_scan`."""
        return replace(self, scans=1)

    def recorded(self, fields: frozenset[str]) -> dict[str, Json]:
        """See `DataConfig.recorded`."""
        cameras = {"data.cameras": list(self.cameras)} if "images" in fields else {}
        return {**cameras, **({"data.scans": self.scans} if "points" in fields else {})}

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`."""
        cameras = max(len(self.cameras), 1)
        return replace(super().frame_shape(), cameras=cameras, columns=self.columns, sweeps=self.scans)
