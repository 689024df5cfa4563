"""What a synthetic world in Waymo's layout is to contain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from voxway.world.config import check_amounts, check_counts, spread
from voxway.world.rig_waymo import FRONT_PX

VERSION = 1
"""Raised whenever the same configuration comes to mean other bytes."""
_SEQUENCES = 798
"""Of the official training split."""
_MOST_FRAMES = 1000
Split = Literal["training", "validation"]


@dataclass(frozen=True, kw_only=True)
class WaymoWorldConfig:
    """A synthetic world in Waymo's layout with Occ3D labels. The same configuration always gives the same bytes.

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
        """Number of frames of its drive."""
        return len(self.keys(name)) + self.tail

    def truth_turns(self, name: str, frame: int) -> list[int]:
        """Frames that a frame's voxels are built from, itself among them; some lie after the last one written."""
        reach = self.truth_frames // self.truth_stride * self.truth_stride
        near = range(frame - reach, frame + reach + 1, self.truth_stride)
        return [f for f in near if 0 <= f < self.frames(name)]

    def to_json(self) -> dict[str, Any]:
        """The configuration as `world.json` holds it."""
        content = {**asdict(self), "training": dict(self.training), "validation": dict(self.validation)}
        return {"layout": "waymo", "version": VERSION, "config": content}


def waymo_world(
    train: int, val: int, sequences: int = 4, seed: int = 0, *, full_size: bool = False
) -> WaymoWorldConfig:
    """A world with `train` frames spread over `sequences` drives, and a quarter as many drives with `val`.

    Args:
        full_size: images 1920 pixels wide and 2650 LiDAR shots, instead of a quarter of each.

    Raises:
        InputError: a count is out of range.
    """
    numbers = [f"{n:03d}" for n in range(_SEQUENCES)]
    check_amounts(train, val, sequences, len(numbers), seed)
    training, validation = spread(train, numbers, sequences), spread(val, numbers, max(sequences // 4, 1))
    if full_size:
        return WaymoWorldConfig(seed=seed, training=training, validation=validation)
    return WaymoWorldConfig(
        seed=seed,
        training=training,
        validation=validation,
        width_px=480,
        columns=600,
        truth_frames=30,
        truth_stride=3,
    )
