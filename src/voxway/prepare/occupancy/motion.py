"""Pass (b): which returns of each scan come from something that moves, from the counts of the blocks around; of things
that have boxes, from these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from voxway.core.arrays import read_array
from voxway.core.errors import InputError
from voxway.core.files import atomic_path
from voxway.data.recordings import ScanName
from voxway.prepare.occupancy.boxes import Things
from voxway.prepare.occupancy.evidence_files import read_evidence
from voxway.prepare.occupancy.passes import Pass
from voxway.prepare.occupancy.work import DriveWork
from voxway.truth.moving.clusters import grown
from voxway.truth.moving.counters import Counters
from voxway.truth.moving.decision import moves
from voxway.truth.moving.ground import ground

STANDS, MOVES, OWN, LEFT_OUT = range(4)
"""What files say of a return: the last is too near, too far or too high to be compared."""
_REMEDY = "Delete it, and it is made again."


def motion_pass(work: DriveWork, evidence: Pass) -> Pass:
    """What moves in a drive's scans; makes evidence that is absent."""
    settings = work.settings
    blocks = {work.block_key(number): number for number in range(len(work.blocks.scans))}

    def around(key: str) -> range:
        return work.blocks.around(blocks[key], settings.decide_blocks)

    def make(key: str) -> None:
        evidence.ensure(map(work.block_key, around(key)))
        counters = _counted(work, blocks[key], around(key))
        for name in work.blocks.scans[blocks[key]]:
            _write(work.moving_path(name), scan_motion(work, counters, name))

    def sources(key: str) -> Sequence[Path]:
        scans = work.placed_from(work.blocks.scans[blocks[key]])
        return [*map(work.evidence_path, around(key)), *scans, *work.drive.box_files()]

    recorded = {**evidence.origin.settings, **settings.recorded("moving", "decide_blocks")}
    return Pass(
        what=f"{work.drive.name}: what moves",
        keys=tuple(blocks),
        targets=lambda key: [work.moving_path(name) for name in work.blocks.scans[blocks[key]]],
        make=make,
        origin=work.origin("moving", recorded, sources),
    )


def scan_motion(work: DriveWork, counters: Counters, name: ScanName) -> UInt8[np.ndarray, "p"]:
    """What each return of a scan is, of the numbers above.

    Args:
        work: on the scan's drive.
        counters: of the blocks around it.
        name: of the scan.
    """
    settings, returns = work.settings.moving, work.placing.read(name)
    points = returns.points[returns.used]
    found = np.full(len(returns.points), LEFT_OUT, np.uint8)
    found[returns.own] = OWN
    if len(points):
        origin = returns.origins[returns.used].mean(0)
        low = ground(points, origin, settings.ground_m, settings.farthest_m)
        counts = counters.at(np.floor(points / settings.voxel_m).astype(np.int64))
        moving = grown(points, moves(counts, low, settings), low, settings)
        things = Things.of(work.drive, points, name.time_s)
        found[returns.used] = np.where(np.where(things.some, things.moving, moving), MOVES, STANDS)
    return found


def read_motion(path: Path, returns: int) -> UInt8[np.ndarray, "p"]:
    """What each return of a scan is.

    Raises:
        InputError: absent, damaged, or not a number for each return.
    """
    found = read_array(path, _REMEDY)
    if found.shape != (returns,) or found.dtype != np.uint8 or (len(found) and found.max() > LEFT_OUT):
        raise InputError(
            file=path,
            field="numbers",
            expected=f"uint8 ({returns},), one of 0 to 3 for each return",
            found=f"{found.dtype} {found.shape}",
            remedy=_REMEDY,
        )
    return found


def _counted(work: DriveWork, block: int, around: range) -> Counters:
    """Counts of blocks, of the tiles that the scans of one of them touched."""
    counters, wanted = Counters(), None
    for number in (block, *(other for other in around if other != block)):
        for place, some in read_evidence(work.evidence_path(number), wanted).items():
            counters.merge(place, some)
        wanted = frozenset(counters.tiles) if wanted is None else wanted
    return counters


def _write(path: Path, found: UInt8[np.ndarray, "p"]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, found, allow_pickle=False)
