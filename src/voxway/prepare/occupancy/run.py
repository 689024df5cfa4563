"""All passes over drives, for one shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from voxway.data.recordings import Drive
from voxway.prepare.occupancy.evidence import evidence_pass
from voxway.prepare.occupancy.labels import Labelling
from voxway.prepare.occupancy.motion import motion_pass
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.prepare.occupancy.work import DriveWork

PASSES = ("evidence", "moving", "labels")
"""In their order; each makes what of those before it is absent."""


@dataclass(frozen=True)
class Made:
    """How many were made: blocks of evidence, blocks of what moves, labels."""

    evidence: int = 0
    moving: int = 0
    labels: int = 0


def prepare(
    drives: Sequence[Drive],
    out: Path,
    settings: OccupancySettings,
    *,
    shard: tuple[int, int] = (0, 1),
    last: str = "labels",
    show: bool = True,
) -> Made:
    """Make labels of drives; files that are there and not out of date are kept.

    Args:
        drives: recordings.
        out: folder to write to.
        settings: how labels are made.
        shard: (i, n): this call takes the i-th of n stretches of each drive.
        last: the pass to end with.
        show: say how far it is.

    Raises:
        InputError: a recording is at fault, or files there were made with other settings.
    """
    counts = dict.fromkeys(PASSES, 0)
    for drive in drives:
        work = DriveWork(drive, out, settings)
        evidence = evidence_pass(work)
        motion = motion_pass(work, evidence)
        passes = dict(zip(PASSES, (evidence, motion, Labelling(work, evidence, motion).labels_pass())))
        for one in passes.values():
            one.origin.check()
        work.body.run((0, 1), show=False)
        for name in PASSES[: PASSES.index(last) + 1]:
            counts[name] += passes[name].run(shard, show)
    return Made(**counts)
