"""What a synthetic world in SSCBench-KITTI-360's layout contains, and which frames are what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voxway.world.layouts.amounts import check_counts
from voxway.world.layouts.kitti360.rig import SIZE_PX

KEY_STRIDE = 5
"""SSCBench annotates every fifth frame."""


@dataclass(frozen=True, kw_only=True)
class KITTI360Plan:
    """A synthetic world in SSCBench-KITTI-360's layout, as its writer knows it.

    Raises:
        ValueError: a count or size is out of range.
    """

    seed: int = 0
    """Everything is drawn from it; streets of unlike drives have nothing in common."""
    drives: Mapping[str, int] = field(default_factory=dict)
    """Name of a drive -> number of key frames."""
    size_px: tuple[int, int] = SIZE_PX
    """Height and width of images; intrinsics scale with them."""
    columns: int = 2048
    """LiDAR shots of each of the 64 beams per turn."""
    truth_scans: int = 70
    """Scans after the key scan that its labels are built from, where there are as many."""
    truth_stride: int = 1
    """Of those scans, every so-many-th is used."""
    tail: int = 70
    """Frames that the drive goes on after the last key frame, for that frame's labels."""
    semantics: bool = False
    """Whether to write the class of every pixel too (`voxway.world.layouts.semantics`)."""

    def __post_init__(self) -> None:
        names = ("size_px", "columns", "truth_stride", "drives")
        check_counts(self, positive=names, natural=("seed", "truth_scans", "tail"))

    def keys(self, name: str) -> range:
        """Numbers of the key frames of a drive."""
        return range(0, self.drives[name] * KEY_STRIDE, KEY_STRIDE)

    def frames(self, name: str) -> int:
        """How many frames a drive has, ten a second."""
        return self.keys(name)[-1] + 1 + self.tail

    def truth_turns(self, name: str, key: int) -> range:
        """Frames that a key frame's labels are built from, itself the first."""
        last = min(key + self.truth_scans, self.frames(name) - 1)
        return range(key, last + 1, self.truth_stride)
