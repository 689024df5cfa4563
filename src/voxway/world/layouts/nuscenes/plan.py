"""What a synthetic world in nuScenes' layout contains, and what happens when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from voxway.world.layouts.amounts import check_counts
from voxway.world.layouts.nuscenes.rig import SIZE_PX

KEY_PERIOD = 0.5
"""Seconds between key frames."""
LEAD = 0.1
"""Seconds that the drive has lasted when the first key scan is taken: cameras are a little ahead of the LiDAR."""


@dataclass(frozen=True, kw_only=True)
class NuScenesPlan:
    """A synthetic world in nuScenes' layout with Occ3D labels, as its writers know it.

    Raises:
        ValueError: a count or size is out of range, or a scene's name is not of the form scene-0001.
    """

    seed: int = 0
    """Everything is drawn from it; streets of unlike scenes have nothing in common."""
    scenes: Mapping[str, int] = field(default_factory=lambda: {"scene-0001": 30, "scene-0003": 10})
    """Name -> number of key frames, two a second. The names say which split a scene belongs to."""
    width_px: int = SIZE_PX[1]
    """Width of images; their height and the intrinsics scale with it."""
    columns: int = 1084
    """LiDAR shots of each of the 32 beams per turn."""
    sweeps_per_key: int = 10
    """LiDAR turns per key frame: 10 are the real 20 Hz, 5 take half the time and reach as far back in ten sweeps."""
    truth_sweeps: int = 80
    """Sweeps before and after the key scan that its voxel labels are built from, where there are as many."""
    truth_stride: int = 4
    """Of those sweeps, every so-many-th is used."""
    tail: int = 40
    """Frames (10 a second) that the drive goes on after the last key frame, for that frame's voxels."""
    openoccupancy: bool = False
    """Whether to write OpenOccupancy's labels of 0.2 m too."""
    surroundocc: bool = False
    """Whether to write SurroundOcc's labels of 0.5 m too."""
    semantics: bool = False
    """Whether to write the class of every pixel too (`voxway.world.layouts.semantics`)."""

    def __post_init__(self) -> None:
        names = ("width_px", "columns", "sweeps_per_key", "truth_stride", "scenes")
        check_counts(self, positive=names, natural=("seed", "truth_sweeps", "tail"))
        if self.width_px < 64:
            raise ValueError(f"width_px must be at least 64, got {self.width_px}")
        for name in self.scenes:
            if not re.fullmatch(r"scene-\d{4}", name):
                raise ValueError(f"scenes are named like 'scene-0001', got {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Scenes in the order in which they are written."""
        return tuple(self.scenes)

    def keys(self, name: str) -> range:
        """Key frames of a scene, counted from 0."""
        return range(self.scenes[name])

    def sweeps(self, name: str) -> int:
        """Number of LiDAR turns of a scene that are written: from the first key scan to the last."""
        return (self.scenes[name] - 1) * self.sweeps_per_key + 1

    def time(self, sweep: int) -> float:
        """Seconds from the start of the drive to a LiDAR turn; turn 0 is the first key scan."""
        return LEAD + sweep * KEY_PERIOD / self.sweeps_per_key

    def frames(self, name: str) -> int:
        """Number of 10 Hz frames of the drive."""
        return ceil((LEAD + self.scenes[name] * KEY_PERIOD) * 10) + 1 + self.tail

    def truth_turns(self, name: str, key: int) -> list[int]:
        """LiDAR turns that a key frame's voxels are built from, its own among them; some lie after the last key."""
        own = key * self.sweeps_per_key
        last = int((self.frames(name) - 1 - LEAD * 10) * self.sweeps_per_key / (KEY_PERIOD * 10))
        reach = self.truth_sweeps // self.truth_stride * self.truth_stride
        return [t for t in range(own - reach, own + reach + 1, self.truth_stride) if 0 <= t <= last]
