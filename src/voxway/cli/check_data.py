"""Say what is missing from or wrong with a dataset, before a long run does. Exit code 1 if something is.

examples:
  voxway check-data --root KITTI --split val
  voxway check-data --root KITTI --split train --needs images target points pose
  voxway check-data --root my_car --sequences 00 --partial --needs images points
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxway.cli.options import Root, Sequences, Split

Need = Literal["images", "points", "pose", "target", "semantics_2d", "depth"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check a dataset."""

    root: Root
    split: Split = "train"
    """Which split."""
    sequences: Sequences = ()
    needs: tuple[Need, ...] = ("images", "target", "points")
    """What a run will read."""
    partial: bool = False
    """Missing sequences and frames are no errors."""
    contents: int = 10
    """Frames per sequence whose files are opened."""
    targets: Path | None = None
    """Folder with targets SS_FFFFFF.npz instead of the voxel files."""
    preprocessed: Path | None = None
    """Folder with targets SS/FFFFFF_1_1.npy instead of the voxel files."""
    voxel_folder: str = "voxels"
    """Folder of a sequence that holds its voxel files."""


def run(options: Options) -> int:
    """Check and print the report."""
    from rich.console import Console

    from voxway.data.semantickitti.check import check_semantickitti
    from voxway.data.semantickitti.reader import SemanticKITTIConfig
    from voxway.engine.log import progress_bar

    config = SemanticKITTIConfig(
        root=options.root,
        split=options.split,
        sequences=options.sequences,
        needs=frozenset(options.needs),
        partial=options.partial,
        targets=options.targets,
        preprocessed=options.preprocessed,
        voxel_folder=options.voxel_folder,
    )
    with progress_bar("checking sequences", 1) as bar:

        def advance(done: int, total: int, what: str) -> None:
            bar.progress.update(bar.task, completed=done, total=total, note=what)

        report = check_semantickitti(config, options.contents, advance)
    if report.findings:
        Console().print(report.table())
    print("\n".join(line for line in report.lines() if line not in {str(f) for f in report.findings}))
    print("usable" if report.usable else "not usable as it is")
    return 0 if report.usable else 1
