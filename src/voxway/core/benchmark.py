"""Benchmark: everything that a published benchmark fixes besides its task. Each stands with its dataset's reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from voxway.core.errors import InputError
from voxway.core.grid import VoxelGrid
from voxway.core.rays import RayRules
from voxway.core.task import IGNORE, Task


class _Sendable:
    """Sent to other processes with its mappings as plain ones, since those that cannot be changed cannot be sent."""

    def __getstate__(self) -> dict[str, object]:
        return {n: dict(v) if isinstance(v, MappingProxyType) else v for n, v in self.__dict__.items()}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update({n: MappingProxyType(v) if isinstance(v, dict) else v for n, v in state.items()})


@dataclass(frozen=True, kw_only=True)
class Split(_Sendable):
    """One part of a benchmark: its sequences (or scenes) and how many annotated frames it must have."""

    sequences: tuple[str, ...] = ()
    """Names of the sequences; empty where the benchmark lists thousands of scenes in files of its own."""
    frames: int | None = None
    """Annotated frames in all; None where no reliable count is published."""
    least: int | None = None
    """Annotated frames that there are at least, where `frames` is not known."""
    recordings: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Frames recorded of each sequence, annotated or not, where a submission is to be checked by them."""
    scenes: int | None = None
    """Sequences or scenes in all, where they are not named here."""

    def require_whole(self, keys: Sequence[str], source: object) -> None:
        """Make sure that these are all frames of the split, as far as its counts are known.

        Args:
            keys: of frames, such as "08/000005": what stands before the last stroke is the sequence.
            source: where they come from, for the error.

        Raises:
            InputError: there are fewer, in all or of a sequence.
        """
        counts = Counter(key.rpartition("/")[0] for key in keys)
        total, recorded = self.frames or self.least or 0, sum(self.recordings.values())
        for sequence, recordings in self.recordings.items():
            # Its share of all frames, less a tenth for sequences whose annotation ends early.
            share = total * recordings / recorded
            if counts[sequence] < 0.9 * share:
                raise _incomplete(f"sequence {sequence}", f"about {share:.0f} frames", counts[sequence], source)
        if len(keys) < total:
            raise _incomplete("frames", total if self.frames else f"at least {total}", len(keys), source)


def _incomplete(field: str, expected: object, found: object, source: object) -> InputError:
    remedy = (
        "Complete the copy and predict all of it; with --partial only the frames that the copy holds are asked for."
    )
    return InputError(file=source, field=field, expected=expected, found=found, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Benchmark(_Sendable):
    """What a benchmark fixes: its task, splits and masks, and how it scores."""

    task: Task
    """Grid and classes; class ids are the published training ids, never shifted."""
    masks: tuple[str, ...] = ()
    """Named masks that its protocol applies to the voxels it scores, all of them together."""
    absent: Literal["zero", "left out"] = "zero"
    """How a class that occurs neither in truth nor in prediction enters the mean IoU: as 0, or not at all."""
    also_divided_by: int | None = None
    """By what a published evaluation divides the sum of the classes' IoU, where that is not how many they are; results
    note its score under a name of its own."""
    near_ranges_m: tuple[float, ...] = ()
    """Further scores within so many metres ahead and half of that to either side."""
    rays: RayRules | None = None
    """How it scores along rays of a LiDAR; None where it has no such score."""
    cameras: int = 1
    """Cameras of its rig that methods look through."""
    ego_height_m: float = 0.0
    """Height of the ego frame's origin above the road."""
    highest_intensity: float = 1.0
    """Of LiDAR points, as networks are given them."""
    raw_to_train: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """Ids on disk -> training ids; empty where files already hold training ids."""
    train_to_raw: tuple[int, ...] = ()
    """Training id -> id on disk, for submissions."""
    other_free: int | None = None
    """Id by which predictions of some codes say that a voxel is free. In them the id of free space is a thing without a
    class, for which there is none here."""
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
