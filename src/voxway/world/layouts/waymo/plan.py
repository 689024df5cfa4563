"""What a synthetic world in Waymo's layout contains, and which frames are what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from voxway.world.layouts.amounts import check_counts
from voxway.world.layouts.waymo.rig import FRONT_PX

_MOST_FRAMES = 1000
Split = Literal["training", "validation"]


@dataclass(frozen=True, kw_only=True)
class WaymoPlan:
    """A synthetic world in Waymo's layout with Occ3D labels, as its writer knows it.

    Raises:
        ValueError: a count or size is out of range, or a sequence's name is not three digits.
    """

    seed: int = 0
    """Everything is drawn from it; streets of unlike sequences have nothing in common."""
    training: Mapping[str, int] = field(default_factory=lambda: {"000": 40})
    """Name (three digits) -> number of frames, ten a second, all of them with labels."""
    validation: Mapping[str, int] = field(default_factory=lambda: {"000": 10})
    """The same for validation; its sequences are numbered anew."""
    width_px: int = FRONT_PX[1]
    """Width of images; their heights and the intrinsics scale with it."""
    columns: int = 2650
    """LiDAR shots of each of the 64 beams per turn."""
    truth_frames: int = 40
    """Frames before and after a frame that its voxel labels are built from, where there are as many."""
    truth_stride: int = 2
    """Of those frames, every so-many-th is used."""
    tail: int = 40
    """Frames that the drive goes on after the last one, for that frame's voxels."""

    def __post_init__(self) -> None:
        names = ("width_px", "columns", "truth_stride", "training")
        check_counts(self, positive=names, natural=("seed", "truth_frames", "tail"))
        if self.width_px < 64:
            raise ValueError(f"width_px must be at least 64, got {self.width_px}")
        if min(self.validation.values(), default=1) < 1:
            raise ValueError(f"validation must be at least 1 everywhere, got {self.validation}")
        for name in (*self.training, *self.validation):
            if not re.fullmatch(r"\d{3}", name):
                raise ValueError(f"sequences are named by three digits, such as '000', got {name!r}")
        if max((*self.training.values(), *self.validation.values())) > _MOST_FRAMES:
            raise ValueError(f"file names have three digits for frames: at most {_MOST_FRAMES} to a sequence")

    @property
    def names(self) -> tuple[str, ...]:
        """Sequences as split/name, in the order in which they are written."""
        return (*(f"training/{name}" for name in self.training), *(f"validation/{name}" for name in self.validation))

    def keys(self, name: str) -> range:
        """Frames of a sequence (split/name) that are written; all have labels."""
        split, number = name.split("/")
        return range(self.training[number] if split == "training" else self.validation[number])

    def frames(self, name: str) -> int:
        """How many frames the drive of a sequence (split/name) has, ten a second."""
        return len(self.keys(name)) + self.tail

    def truth_turns(self, name: str, frame: int) -> list[int]:
        """Frames that a frame's voxels are built from, itself among them; some lie after the last one written."""
        reach = self.truth_frames // self.truth_stride * self.truth_stride
        near = range(frame - reach, frame + reach + 1, self.truth_stride)
        return [f for f in near if 0 <= f < self.frames(name)]
