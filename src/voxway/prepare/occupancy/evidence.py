"""Pass (a): what all scans of a block prove of the voxels of the world, counted."""

from __future__ import annotations

from voxway.prepare.occupancy.evidence_files import write_evidence
from voxway.prepare.occupancy.passes import Pass
from voxway.prepare.occupancy.work import DriveWork
from voxway.truth.moving.counters import Counters
from voxway.truth.moving.evidence import scan_evidence

SETTINGS = ("voxel_m", "nearest_m", "farthest_m", "high_m", "from_m", "surface_m")
"""Thresholds of what moves that change evidence; the others look at the counts."""


def evidence_pass(work: DriveWork) -> Pass:
    """Evidence of a drive's blocks."""
    settings = work.settings
    recorded = {name: getattr(settings.moving, name) for name in SETTINGS}
    recorded |= settings.recorded("turn_s", "stamp", "block_s")
    blocks = {work.block_key(number): number for number in range(len(work.blocks.scans))}

    def make(key: str) -> None:
        counters = Counters()
        for name in work.blocks.scans[blocks[key]]:
            returns = work.placing.read(name)
            found = scan_evidence(returns.points[returns.used], returns.origins[returns.used], settings.moving)
            if found is not None:
                counters.add(found)
        write_evidence(work.evidence_path(blocks[key]), counters)

    return Pass(
        what=f"{work.drive.name}: evidence",
        keys=tuple(blocks),
        targets=lambda key: [work.evidence_path(blocks[key])],
        make=make,
        origin=work.origin("evidence", recorded, lambda key: work.placed_from(work.blocks.scans[blocks[key]])),
    )
