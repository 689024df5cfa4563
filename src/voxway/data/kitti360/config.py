"""Which frames of SSCBench-KITTI-360 to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from voxway.core.files import Json
from voxway.core.frame_shape import FrameShape
from voxway.data.config import DataConfig
from voxway.data.kitti360.layout import drive_name

if TYPE_CHECKING:
    from voxway.data.kitti360.reader import KITTI360Reader


@dataclass(frozen=True, kw_only=True)
class KITTI360Config(DataConfig):
    """SSCBench-KITTI-360. `root` is the folder that holds `data_2d_raw/`; drives are "2013_05_28_drive_0003_sync" or
    "3", keys "2013_05_28_drive_0003_sync/000700" or "3/000700".
    """

    parts: ClassVar[tuple[str, ...]] = ("data_2d_raw", "data_3d_raw", "data_poses", "calibration", "preprocess")

    cameras: tuple[Literal[0, 1], ...] = (0,)
    """0 is the left camera, 1 the right one."""
    labels: Path | None = None
    """Folder with targets DRIVE/FFFFFF_1_1.npy; None: `preprocess/labels` or `labels` below `root`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "drives", tuple(drive_name(drive) for drive in self.drives))

    @classmethod
    def is_root(cls, folder: Path) -> bool | None:
        """See `DataConfig.is_root`."""
        return (folder / "data_2d_raw").is_dir()

    def reader(self) -> KITTI360Reader:
        """See `DataConfig.reader`."""
        from voxway.data.kitti360.reader import KITTI360Reader

        return KITTI360Reader(self)

    def recorded(self, fields: frozenset[str]) -> dict[str, Json]:
        """See `DataConfig.recorded`."""
        return {"data.cameras": list(self.cameras)} if "images" in fields else {}

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`."""
        size_px = self.image_px or (376, 1408)
        return replace(super().frame_shape(), cameras=len(self.cameras), image_px=size_px, columns=4)

    def stereo(self) -> KITTI360Config:
        """The rectified pairs."""
        return replace(self, cameras=(0, 1))
