"""Worlds of random rigs: how one is asked for, and the work that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from voxway.core.files import write_json
from voxway.data.drives.layout import SPLITS
from voxway.world.layouts.amounts import check_amounts, spread
from voxway.world.layouts.layout import Job, Record, Stage, jobs
from voxway.world.layouts.rigs.plan import RigsPlan
from voxway.world.layouts.rigs.write import DriveWriter

VERSION = 1
"""Raised whenever the same configuration comes to mean other bytes."""
_MOST_DRIVES = 9999
_CHUNK = 5
"""Recordings per job: labels need scans from a while before and after, which neighbours share."""


class RigsWorldConfig(RigsPlan):
    """A synthetic world of random rigs, with voxel labels of the street task. The same configuration always gives the
    same bytes."""

    layout: ClassVar[str] = "rigs"
    folders: ClassVar[tuple[str, ...]] = ("train-*", "val-*")

    def to_json(self) -> Record:
        """The configuration as `world.json` holds it."""
        content = {**asdict(self), "drives": dict(self.drives)}
        if self.rig_of is None:
            del content["rig_of"]  # worlds that were written before it was there go on
        return {"layout": self.layout, "version": VERSION, "config": content}

    def stages(self, root: Path) -> Sequence[Stage]:
        """Recordings of each drive, and after them the rig's file."""
        todo: list[Job] = []
        for name in self.names:
            todo += jobs(root, name, "recordings", self.recordings(name), _CHUNK)
            # By the process that has the drive's street at hand.
            todo.append(Job(root, name, "rig", ()))
        return [Stage("driving", todo)]

    def do(self, job: Job) -> None:
        """Write recordings, or the rig's file."""
        writer = DriveWriter(job.root, self, job.name, VERSION)
        if job.part == "rig":
            writer.write_rig()
        else:
            writer.write_recordings(job.frames)

    def finish(self, root: Path, answers: Mapping[Job, None]) -> None:
        """Write which drives belong to which split, unless that is there."""
        if not (root / SPLITS).exists():
            write_json(root / SPLITS, self.splits)


def rigs_world(
    train: int, val: int, sequences: int = 4, seed: int = 0, *, full_size: bool = False, shifted: bool = False
) -> RigsWorldConfig:
    """A world with `train` recordings spread over `sequences` rigs, and a quarter as many rigs with `val`.

    Args:
        full_size: images 1280 pixels wide in the middle and 1080 LiDAR shots, instead of 480 and half of that.
        shifted: streets of a style that usual ones never have, to try networks on (`voxway.world.street.shift`).

    Raises:
        InputError: a count is out of range.
    """
    check_amounts(train, val, sequences, _MOST_DRIVES, seed)
    training = spread(train, [f"train-{n:04d}" for n in range(sequences)], sequences)
    held = max(sequences // 4, 1)
    shares = training | spread(val, [f"val-{n:04d}" for n in range(held)], held)
    if full_size:
        return RigsWorldConfig(seed=seed, drives=shares, width_px=1280, columns=1080, shifted=shifted)
    return RigsWorldConfig(seed=seed, drives=shares, shifted=shifted)
