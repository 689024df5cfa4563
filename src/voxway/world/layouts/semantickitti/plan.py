"""What a synthetic world in SemanticKITTI's layout contains, and which frames are what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voxway.world.layouts.amounts import check_counts
from voxway.world.layouts.semantickitti.rig import KITTI_SIZE_PX

KEY_STRIDE = 5
"""SemanticKITTI annotates every fifth scan."""


@dataclass(frozen=True, kw_only=True)
class SemanticKITTIPlan:
    """A synthetic world in SemanticKITTI's layout, as its writer knows it.

    Raises:
        ValueError: a count or size is out of range, or a sequence's name is not two digits.
    """

    seed: int = 0
    """Everything is drawn from it; streets of unlike sequences have nothing in common."""
    sequences: Mapping[str, int] = field(default_factory=lambda: {"00": 40, "08": 10})
    """Name (two digits) -> number of key frames."""
    size_px: tuple[int, int] = KITTI_SIZE_PX
    """Height and width of images; intrinsics scale with them."""
    columns: int = 2048
    """LiDAR shots of each of the 64 beams per turn; the real one has about 2000."""
    stereo: bool = True
    """Whether to write the right image too."""
    image_stride: int = KEY_STRIDE
    """Images are written for every so-many-th frame up to the last key frame: 5 for key frames, 1 for all."""
    truth_scans: int = 70
    """Scans after the key scan that its voxel labels are built from, where there are as many."""
    truth_stride: int = 1
    """Of those scans, every so-many-th is used; 1 is what SemanticKITTI does, 2 halves the time."""
    tail: int = 70
    """Frames that the drive goes on after the last key frame, for that frame's voxels."""
    semantics: bool = False
    """Whether to write the class of every pixel too (`voxway.world.layouts.semantics`)."""

    def __post_init__(self) -> None:
        names = ("size_px", "columns", "image_stride", "truth_stride", "sequences")
        check_counts(self, positive=names, natural=("seed", "truth_scans", "tail"))
        for name in self.sequences:
            if len(name) != 2 or not name.isdecimal():
                raise ValueError(f"sequences are named by two digits, such as '08', got {name!r}")

    def keys(self, name: str) -> range:
        """Numbers of the key frames of a sequence."""
        return range(0, self.sequences[name] * KEY_STRIDE, KEY_STRIDE)

    def last_key(self, name: str) -> int:
        """Number of the last key frame of a sequence."""
        return self.keys(name)[-1]

    def frames(self, name: str) -> int:
        """How many frames a sequence has, ten a second."""
        return self.last_key(name) + 1 + self.tail
