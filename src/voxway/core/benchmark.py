"""Benchmark: everything that a published benchmark fixes besides its task. Each stands with its dataset's reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.task import IGNORE, Task


@dataclass(frozen=True, kw_only=True)
class Split:
    """One part of a benchmark: its sequences (or scenes) and how many annotated frames it must have."""

    sequences: tuple[str, ...] = ()
    """Names of the sequences; empty where the benchmark lists thousands of scenes in files of its own."""
    frames: int | None = None
    """Annotated frames in all; None where no reliable count is published."""
    scenes: int | None = None
    """Sequences or scenes in all, where they are not named here."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What a benchmark fixes: its task, splits and masks, and how it scores."""

    task: Task
    """Grid and classes; class ids are the published training ids, never shifted."""
    masks: tuple[str, ...] = ()
    """Named masks that its protocol applies to the voxels it scores, all of them together."""
    absent: Literal["zero", "left out"] = "zero"
    """How a class that occurs neither in truth nor in prediction enters the mean IoU: as 0, or not at all."""
    near_ranges_m: tuple[float, ...] = ()
    """Further scores within so many metres ahead and half of that to either side."""
    cameras: int = 1
    """Cameras of its rig that methods look through."""
    ego_height_m: float = 0.0
    """Height of the ego frame's origin above the road."""
    raw_to_train: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """Ids on disk -> training ids; empty where files already hold training ids."""
    train_to_raw: tuple[int, ...] = ()
    """Training id -> id on disk, for submissions."""
    splits: Mapping[str, Split] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def name(self) -> str:
        """The task's."""
        return self.task.name

    @property
    def grid(self) -> VoxelGrid:
        """The task's."""
        return self.task.grid

    @property
    def classes(self) -> tuple[str, ...]:
        """The task's."""
        return self.task.classes

    @property
    def free(self) -> int:
        """The task's."""
        return self.task.free

    def to_train(self, raw: np.ndarray, source: object) -> np.ndarray:
        """Map ids on disk to training ids (uint8).

        Args:
            raw: integer ids of any shape.
            source: the file they came from, for the error.

        Raises:
            InputError: an id has no entry in the label map.
        """
        pairs = self.raw_to_train or {i: i for i in (*range(len(self.classes)), IGNORE)}
        unknown = 254
        # Two more rows than ids: what lies below or above them all must not be taken for the nearest.
        table = np.full(max(pairs) + 3, unknown, np.uint8)
        table[[raw_id + 1 for raw_id in pairs]] = list(pairs.values())
        trained = table[np.clip(raw, -1, len(table) - 2, dtype=np.int64, casting="unsafe") + 1]
        if (trained == unknown).any():
            present = np.unique(raw)
            ids = present[~np.isin(present, list(pairs))][:5].tolist()
            trained_already = np.isin(present, [*range(len(self.classes)), IGNORE]).all()
            raise InputError(
                file=source,
                field="label ids",
                expected=f"ids of {self.name}'s label map ({min(pairs)}..{max(pairs)})",
                found=f"ids {ids}" + ("; they look like training ids" if trained_already and self.raw_to_train else ""),
                remedy="The file is damaged or belongs to another benchmark.",
            )
        return trained

    def to_raw(self, trained: np.ndarray) -> np.ndarray:
        """Map training ids to ids on disk (uint16), as submissions need them."""
        if not self.train_to_raw:
            return trained.astype(np.uint16)
        return np.asarray(self.train_to_raw, np.uint16)[trained]
