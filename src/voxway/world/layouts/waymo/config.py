"""Worlds in Waymo's layout: how one is asked for, and the work that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from voxway.world.layouts.amounts import check_amounts, spread
from voxway.world.layouts.layout import Job, Record, Stage, jobs
from voxway.world.layouts.waymo.plan import WaymoPlan
from voxway.world.layouts.waymo.write import WaymoWriter, write_cameras

VERSION = 1
"""Raised whenever the same configuration comes to mean other bytes."""
_SEQUENCES = 798
"""How many the official training split has."""
_CHUNK = 10
"""Frames per job: each needs scans from a while before and after, which neighbours share."""


class WaymoWorldConfig(WaymoPlan):
    """A synthetic world in Waymo's layout with Occ3D labels. The same configuration always gives the same bytes."""

    layout: ClassVar[str] = "waymo"
    folders: ClassVar[tuple[str, ...]] = ("training", "validation", "kitti_format")

    def to_json(self) -> Record:
        """The configuration as `world.json` holds it."""
        content = {**asdict(self), "training": dict(self.training), "validation": dict(self.validation)}
        return {"layout": self.layout, "version": VERSION, "config": content}

    def stages(self, root: Path) -> Sequence[Stage]:
        """All frames of all sequences."""
        todo = [job for name in self.names for job in jobs(root, name, "frames", self.keys(name), _CHUNK)]
        return [Stage("driving", todo)]

    def do(self, job: Job) -> None:
        """Write pictures, scans and labels of frames."""
        WaymoWriter(job.root, self, job.name).write_frames(job.frames)

    def finish(self, root: Path, answers: Mapping[Job, None]) -> None:
        """Write the camera files."""
        write_cameras(root, self)


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
