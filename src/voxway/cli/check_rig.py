"""Say what is wrong with a rig of your own, and draw it: scan and road over every picture. Exit code 1 if something is.

Look at the drawing: points must lie on what they were measured at, the lines (5 m apart) on the road, and each camera's
wedge must point where it looks. docs/rig.md tells what a rig's file holds.

examples:
  voxway check-rig rig.json --out look
  voxway check-rig rig.json --out look --model runs/s/model --frames 5
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from voxway.cli.options import Benchmark, Out
from voxway.data.registry import DEFAULT


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check a rig."""

    rig: tyro.conf.Positional[Path]
    """The rig's file."""
    out: Out
    """Folder for the drawings, one for each moment: rig_000012.png."""
    model: Path | None = None
    """Folder of a network that is to look at it: whether it can, and its grid."""
    benchmark: Benchmark = DEFAULT
    frames: int = 3
    """How many moments are opened and drawn, evenly spread."""


def run(options: Options) -> int:
    """Check, draw and print the report."""
    from voxway.api.check_rig import check_and_draw
    from voxway.cli.screen import show

    report, pictures = check_and_draw(
        options.rig, options.out, model=options.model, dataset=options.benchmark, frames=options.frames
    )
    if report.findings:
        show(report.table())
    print("\n".join([*report.lines(), *(f"drawing: {path}" for path in pictures)]))
    print("usable" if report.usable else "not usable as it is")
    return 0 if report.usable else 1
