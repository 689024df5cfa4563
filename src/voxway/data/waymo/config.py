"""Which frames of Occ3D-Waymo to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from voxway.core.errors import InputError
from voxway.core.frame_shape import FrameShape
from voxway.data.config import DataConfig
from voxway.data.waymo.benchmark import OCC3D_WAYMO
from voxway.data.waymo.layout import WaymoFiles

if TYPE_CHECKING:
    from voxway.data.waymo.reader import Occ3DWaymoReader


@dataclass(frozen=True, kw_only=True)
class Occ3DWaymoConfig(DataConfig):
    """Occ3D-Waymo. `root` is the folder that holds `training`, `validation`, `cam_infos.pkl` and `cam_infos_vali.pkl`;
    drives are sequences such as "012", keys such as "012/040". Published runs on 20 % of the frames have `every` 5.
    """

    parts: ClassVar[tuple[str, ...]] = ("training", "validation", "kitti_format")

    kitti: Path | None = None
    """Folder with Waymo in KITTI's format, image_0 and so on; None: `kitti_format/training` below `root`."""
    image_px: tuple[int, int] | None = (256, 704)
    """(height, width) of the network's images; None leaves them as recorded."""
    depth_rule: Literal["nearest", "published"] = "published"
    """See `DataConfig`."""
    depth_range_m: tuple[float, float] | None = (1.0, 45.0)
    """Least depth in depth images, and the one from which on points are left out."""

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`."""
        masks = ("camera", "lidar", "field_of_view")
        return replace(super().frame_shape(), cameras=OCC3D_WAYMO.cameras, columns=5, masks=masks)

    @property
    def files(self) -> WaymoFiles:
        """Paths of the split.

        Raises:
            InputError: split test, for which no labels are published.
        """
        if self.split == "test":
            raise InputError(
                file=self.root, field="split", expected="train or val", found="test", remedy="Choose one that is there."
            )
        return WaymoFiles(self.folder, self.split, Path(self.kitti or self.folder / "kitti_format" / "training"))

    def __post_init__(self) -> None:
        super().__post_init__()
        named = tuple(drive.zfill(3) if drive.isdecimal() else drive for drive in self.drives)
        object.__setattr__(self, "drives", named)

    @classmethod
    def is_root(cls, folder: Path) -> bool | None:
        """See `DataConfig.is_root`."""
        return any((folder / name).exists() for name in ("cam_infos.pkl", "cam_infos_vali.pkl", "kitti_format"))

    def reader(self) -> Occ3DWaymoReader:
        """See `DataConfig.reader`."""
        from voxway.data.waymo.reader import Occ3DWaymoReader

        return Occ3DWaymoReader(self)
