"""What a synthetic world of random rigs contains, and what happens when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from voxway.world.layouts.amounts import check_counts

LEAD = 20
"""Frames (10 a second) that the drive has lasted at the first recording: what lies behind it was seen then."""


@dataclass(frozen=True, kw_only=True)
class RigsPlan:
    """A synthetic world of random rigs, as its writers know it.

    Raises:
        ValueError: a count or size is out of range, or a drive's name is not of the form train-0001.
    """

    seed: int = 0
    """Everything is drawn from it; streets and rigs of unlike drives have nothing in common."""
    drives: Mapping[str, int] = field(default_factory=lambda: {"train-0000": 4, "val-0000": 2})
    """Name -> number of recordings. The names say which split a drive belongs to."""
    width_px: int = 480
    """Width of pictures in the middle; rigs draw from three quarters of it to four thirds."""
    columns: int = 540
    """LiDAR shots of each beam per turn."""
    stride: int = 10
    """Frames (10 a second) from one recording to the next: few rather than many, as neighbours look alike."""
    truth_scans: int = 8
    """Scans before and after a recording that its voxel labels are built from."""
    truth_stride: int = 5
    """Frames from one of those to the next."""
    shifted: bool = False
    """Whether daylight, surfaces, cameras and shapes are of a style that usual streets never have."""
    rig_of: str | None = None
    """The drive whose rig all others have, too, to tell what unlike rigs teach; None: each its own."""

    def __post_init__(self) -> None:
        names = ("width_px", "columns", "stride", "truth_stride", "drives")
        check_counts(self, positive=names, natural=("seed", "truth_scans"))
        if self.width_px < 64:
            raise ValueError(f"width_px must be at least 64, got {self.width_px}")
        for name in (*self.drives, *([self.rig_of] if self.rig_of else [])):
            if not re.fullmatch(r"(train|val)-\d{4}", name):
                raise ValueError(f"drives are named like 'train-0001' or 'val-0001', got {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Drives in the order in which they are written."""
        return tuple(self.drives)

    @property
    def splits(self) -> dict[str, list[str]]:
        """Drives of each split that has some."""
        found: dict[str, list[str]] = {}
        for name in self.drives:
            found.setdefault(name.partition("-")[0], []).append(name)
        return found

    def recordings(self, name: str) -> range:
        """Numbers of a drive's recordings."""
        return range(self.drives[name])

    def frame(self, number: int) -> int:
        """10 Hz frame of the drive at which a recording is made."""
        return LEAD + number * self.stride

    def time_s(self, number: int) -> float:
        """When a recording is made, seconds from the first."""
        return number * self.stride / 10

    def frames(self, name: str) -> int:
        """Number of 10 Hz frames of the drive."""
        return self.frame(self.drives[name] - 1) + self.truth_scans * self.truth_stride + 1

    def truth_frames(self, name: str, number: int) -> list[int]:
        """10 Hz frames whose scans a recording's voxels are built from, its own among them."""
        own, reach = self.frame(number), self.truth_scans * self.truth_stride
        return [f for f in range(own - reach, own + reach + 1, self.truth_stride) if 0 <= f < self.frames(name)]
