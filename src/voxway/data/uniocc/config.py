"""Which frames of UniOcc to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from voxway.core.frame_shape import FrameShape
from voxway.data.config import DataConfig

if TYPE_CHECKING:
    from voxway.data.uniocc.reader import UniOccReader


@dataclass(frozen=True, kw_only=True)
class UniOccConfig(DataConfig):
    """UniOcc. `root` is the folder of one download, which holds a folder per scene; drives are scenes, keys such as
    "scene_001/12". A download is one split of one source, so `split` only names it.
    """

    pictures: Path | None = None
    """Folder to which names of pictures are relative, such as nuScenes' root; None: `root`."""

    @classmethod
    def is_root(cls, folder: Path) -> bool | None:
        """See `DataConfig.is_root`."""
        return (folder / "scene_infos.pkl").is_file()

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`; with the cameras of nuScenes, of which most frames are."""
        return replace(super().frame_shape(), cameras=6, masks=("camera",))

    def reader(self) -> UniOccReader:
        """See `DataConfig.reader`."""
        from voxway.data.uniocc.reader import UniOccReader

        return UniOccReader(self)
