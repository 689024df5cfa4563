"""Worlds in SSCBench-KITTI-360's layout: how one is asked for, and the work that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from voxway.data.kitti360.benchmark import SSCBENCH_KITTI360
from voxway.world.layouts.amounts import check_amounts, spread
from voxway.world.layouts.kitti360.plan import KITTI360Plan
from voxway.world.layouts.kitti360.write import DriveWriter, write_shared
from voxway.world.layouts.layout import Job, Record, Stage, jobs
from voxway.world.layouts.semantics import FOLDER, as_recorded

VERSION = 1
"""Raised whenever the same configuration comes to mean other bytes."""
_CHUNK = 4
"""Frames per job: each needs many scans after it, which neighbours share."""


class KITTI360WorldConfig(KITTI360Plan):
    """A synthetic world in SSCBench-KITTI-360's layout. The same configuration always gives the same bytes."""

    layout: ClassVar[str] = "kitti360"
    folders: ClassVar[tuple[str, ...]] = (
        "data_2d_raw",
        "data_3d_raw",
        "data_poses",
        "calibration",
        "preprocess",
        FOLDER,
    )

    def to_json(self) -> Record:
        """The configuration as `world.json` holds it."""
        content = {**asdict(self), "drives": dict(self.drives), "size_px": list(self.size_px)}
        return {"layout": self.layout, "version": VERSION, "config": as_recorded(content)}

    def stages(self, root: Path) -> Sequence[Stage]:
        """All key frames of all drives."""
        todo = [job for name in self.drives for job in jobs(root, name, "frames", self.keys(name), _CHUNK)]
        return [Stage("driving", todo)]

    def do(self, job: Job) -> None:
        """Write pictures, scans and labels of key frames."""
        writer = DriveWriter(job.root, self, job.name)
        if 0 in job.frames:
            writer.write_poses()
        for frame in job.frames:
            writer.write_frame(frame)

    def finish(self, root: Path, answers: Mapping[Job, None]) -> None:
        """Write the calibration."""
        write_shared(root, self)


def kitti360_world(
    train: int, val: int, sequences: int = 4, seed: int = 0, *, full_size: bool = False, semantics: bool = False
) -> KITTI360WorldConfig:
    """A world with `train` key frames spread over `sequences` training drives, and `val` on the validation drive.

    Args:
        full_size: images of 376 x 1408 and 2048 LiDAR shots, instead of half of that.
        semantics: write the class of every pixel too.

    Raises:
        InputError: a count is out of range.
    """
    splits = SSCBENCH_KITTI360.splits
    names = splits["train"].sequences
    check_amounts(train, val, sequences, len(names), seed)
    shares = {**spread(train, names, sequences), splits["val"].sequences[0]: val}
    if full_size:
        return KITTI360WorldConfig(seed=seed, semantics=semantics, drives=shares)
    return KITTI360WorldConfig(
        seed=seed, semantics=semantics, drives=shares, size_px=(188, 704), columns=1024, truth_stride=2, tail=40
    )
