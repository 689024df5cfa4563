"""Which frames of SemanticKITTI to read, and where their truth lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from voxway.core.files import Json
from voxway.core.frame_shape import FrameShape
from voxway.data.config import DataConfig

if TYPE_CHECKING:
    from voxway.data.semantickitti.reader import SemanticKITTIReader


@dataclass(frozen=True, kw_only=True)
class SemanticKITTIConfig(DataConfig):
    """SemanticKITTI. `root` is the folder that holds `sequences/`; drives are "08" (or "8"), keys
    "08/000005"."""

    parts: ClassVar[tuple[str, ...]] = ("sequences",)

    cameras: tuple[Literal[2, 3], ...] = (2,)
    """2 is the left colour camera, 3 the right one."""
    voxel_folder: str = "voxels"
    """Folder of a sequence that holds its voxel files."""
    preprocessed: Path | None = None
    """Folder with targets SS/FFFFFF_1_1.npy to read instead of the voxel files."""
    targets: Path | None = None
    """Folder with targets SS_FFFFFF.npz to read instead of the voxel files."""
    targets_field: str = "target_certain"
    """Which array of those."""

    def __post_init__(self) -> None:
        super().__post_init__()
        named = tuple(drive.zfill(2) if drive.isdecimal() else drive for drive in self.drives)
        object.__setattr__(self, "drives", named)

    @classmethod
    def is_root(cls, folder: Path) -> bool | None:
        """See `DataConfig.is_root`."""
        return (folder / "sequences").is_dir()

    def reader(self) -> SemanticKITTIReader:
        """See `DataConfig.reader`."""
        from voxway.data.semantickitti.reader import SemanticKITTIReader

        return SemanticKITTIReader(self)

    def recorded(self, fields: frozenset[str]) -> dict[str, Json]:
        """See `DataConfig.recorded`."""
        return {"data.cameras": list(self.cameras)} if "images" in fields else {}

    def frame_shape(self) -> FrameShape:
        """See `DataConfig.frame_shape`; the size is that of most drives' images."""
        size_px = self.image_px or (370, 1226)
        return replace(super().frame_shape(), cameras=len(self.cameras), image_px=size_px, columns=4)

    def stereo(self) -> SemanticKITTIConfig:
        """The colour cameras' pairs."""
        return replace(self, cameras=(2, 3))

    def truth_name(self) -> tuple[str, ...]:
        """Which array, where targets come from archives."""
        return () if self.targets is None else (self.targets_field,)
