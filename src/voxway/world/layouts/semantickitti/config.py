"""Worlds in SemanticKITTI's layout: how one is asked for, and the work that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from voxway.data.semantickitti.benchmark import SEMANTIC_KITTI
from voxway.world.layouts.amounts import check_amounts, spread
from voxway.world.layouts.boxes import BOXES
from voxway.world.layouts.layout import Job, Record, Stage, jobs
from voxway.world.layouts.semantickitti.plan import SemanticKITTIPlan
from voxway.world.layouts.semantickitti.write import SequenceWriter
from voxway.world.layouts.semantics import FOLDER, as_recorded

VERSION = 1
"""Raised whenever the same configuration comes to mean other bytes."""
HELD_OUT = "08"
"""The sequence that is the official validation split."""
_CHUNK = 5
"""Frames per job: enough to be worth a message, few enough that the bar moves and Ctrl-C is obeyed soon."""


class WorldConfig(SemanticKITTIPlan):
    """A synthetic world in SemanticKITTI's layout. The same configuration always gives the same bytes."""

    layout: ClassVar[str] = "semantickitti"
    folders: ClassVar[tuple[str, ...]] = ("sequences", FOLDER, BOXES)

    def to_json(self) -> Record:
        """The configuration as `world.json` holds it."""
        content = {**asdict(self), "sequences": dict(self.sequences), "size_px": list(self.size_px)}
        return {"layout": self.layout, "version": VERSION, "config": as_recorded(content)}

    def stages(self, root: Path) -> Sequence[Stage]:
        """What sensors see in every frame; then the voxels of key frames, which are built from the scans on disk."""

        def of_all(part: str, frames: Mapping[str, range]) -> list[Job]:
            return [job for name in self.sequences for job in jobs(root, name, part, frames[name], _CHUNK)]

        return [
            Stage("driving", of_all("sensors", {name: range(self.frames(name)) for name in self.sequences})),
            Stage("voxels", of_all("voxels", {name: self.keys(name) for name in self.sequences})),
        ]

    def do(self, job: Job) -> None:
        """Write pictures, scans and labels of frames, or the voxels of key frames."""
        writer = SequenceWriter(job.root, self, job.name)
        if job.part == "voxels":
            writer.write_voxels(job.frames)
            return
        if 0 in job.frames:
            writer.write_drive()
        for frame in job.frames:
            writer.write_frame(frame)

    def finish(self, root: Path, answers: Mapping[Job, None]) -> None:
        """No file is about several sequences."""


def semantickitti_world(
    train: int, val: int, sequences: int = 4, seed: int = 0, *, full_size: bool = False, semantics: bool = False
) -> WorldConfig:
    """A world with `train` key frames spread over `sequences` training drives, and `val` on held-out streets.

    Args:
        full_size: images of 370 x 1226 and 2048 LiDAR shots, instead of half of that.
        semantics: write the class of every pixel too.

    Raises:
        InputError: a count is out of range.
    """
    names = SEMANTIC_KITTI.splits["train"].sequences
    check_amounts(train, val, sequences, len(names), seed)
    shares = {**spread(train, names, sequences), HELD_OUT: val}
    if full_size:
        return WorldConfig(seed=seed, semantics=semantics, sequences=shares)
    # Half of everything that costs time. A shorter drive after the last key frame thins only the last frames' voxels.
    return WorldConfig(
        seed=seed, semantics=semantics, sequences=shares, size_px=(185, 613), columns=1024, truth_stride=2, tail=40
    )
