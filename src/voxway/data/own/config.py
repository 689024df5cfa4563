"""A rig of one's own, read for the networks of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from voxway.core.benchmark import Benchmark
from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.frame_shape import FrameShape
from voxway.core.task import Task
from voxway.data import registry
from voxway.data.config import DataConfig
from voxway.data.entry import Server
from voxway.data.files.predictions import OccupancyFiles
from voxway.data.own.rig import RigFile
from voxway.data.own.rig_file import read_rig
from voxway.data.own.views import PinholeView, pinhole_view

if TYPE_CHECKING:
    from voxway.data.own.reader import RigReader


@dataclass(frozen=True, kw_only=True)
class RigConfig(DataConfig):
    """Recordings of a rig; `root` is the folder of its file. There is one drive, called as the rig is, whose keys are
    such as "my_car/000012": the twelfth recording of the clock, counted from 0. It has no truth.
    """

    may_have_truth: ClassVar[bool] = False

    file: Path
    """The rig's file; docs/rig.md."""
    dataset: str
    """The dataset in whose ego frame and task frames are read."""
    task: Task | None = None
    """What networks predict, where it is not the dataset's own task."""
    ego_height_m: float | None = None
    """Height of their ego frame above the road, where it is not the dataset's."""
    cameras: tuple[str, ...] = ()
    """Names of the cameras, in the order in which networks see them; empty: none is read."""
    lidars: bool = True
    """Whether LiDARs are read, so that frames need their scans."""
    scans: int = 1
    """LiDAR scans in a moment, this one and those before it: more than one needs poses, without which it is one."""
    columns: int = 4
    """Columns of a point: x, y, z in metres, intensity, age in seconds, and nothing (0) in more."""

    @classmethod
    def of(cls, data: DataConfig, file: Path, cameras: tuple[str, ...], lidars: bool = True) -> RigConfig:
        """What a network that reads such data reads of a rig.

        Args:
            data: of the network's own dataset, with its preprocessing.
            file: the rig's.
            cameras: names.
            lidars: whether LiDARs are read.
        """
        kept = ("needs", "earlier", "image_px", "focal_px", "depth_rule", "depth_range_m")
        shape = data.frame_shape()
        task, height_m = data.own_task() or (None, None)
        return cls(
            root=file.parent,
            split="test",
            file=file,
            dataset=registry.config_name(data),
            task=task,
            ego_height_m=height_m,
            cameras=cameras,
            lidars=lidars,
            scans=shape.sweeps,
            columns=shape.columns,
            **{name: getattr(data, name) for name in kept},
        )

    @property
    def rig(self) -> RigFile:
        """What the file says.

        Raises:
            InputError: see `read_rig`.
        """
        return read_rig(self.file)

    @property
    def benchmark(self) -> Benchmark:
        """The dataset's, without its splits and masks, with the task and height that are said here."""
        known = registry.benchmark(self.dataset)
        task, height_m = self.task or known.task, self.ego_height_m
        return replace(
            known,
            task=task,
            ego_height_m=known.ego_height_m if height_m is None else height_m,
            splits={},
            masks=(),
            cameras=max(len(self.cameras), 1),
        )

    def reader(self) -> RigReader:
        """See `DataConfig.reader`."""
        from voxway.data.own.reader import RigReader

        return RigReader(self)

    @cached_property
    def views(self) -> dict[str, PinholeView]:
        """What networks are given of each camera.

        Raises:
            InputError: a view that shows more black than picture.
        """
        known = {camera.name: camera for camera in self.rig.cameras}
        return {name: pinhole_view(known[name], self.file) for name in self.cameras}

    def frame_note(self) -> str:
        """See `DataConfig.frame_note`: which shares of views their cameras have not seen."""
        unseen = {name: 1 - float(view.seen.mean()) for name, view in self.views.items()}
        said = [f"{share:.0%} of {name}" for name, share in unseen.items() if share > 0]
        return f"Black, as no lens saw it: {', '.join(said)}." if said else ""

    def server(self) -> Server:
        """See `DataConfig.server`: no server takes these frames."""
        return OccupancyFiles(self.benchmark)

    def stereo(self) -> RigConfig:
        """The rectified pair.

        Raises:
            InputError: the rig names none.
        """
        pair = self.rig.pair
        if pair is None:
            raise InputError(
                file=self.file,
                field="pair",
                expected="the cameras of a rectified pair",
                found="absent",
                remedy='Name them, "pair": {"left": ..., "right": ...}, or make it from LiDAR.',
            )
        return replace(self, cameras=(pair.left, pair.right))

    def one_scan(self) -> RigConfig:
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
