"""Say what is missing from or wrong with a dataset, before a long run does. Exit code 1 if something is.

examples:
  voxway check-data --root KITTI --split val
  voxway check-data --root KITTI --split train --needs images target points pose
  voxway check-data --root my_car --sequences 00 --partial --needs images points
  voxway check-data --root KITTI --split val --set preprocessed=labels
  voxway check-data --benchmark occ3d-nuscenes --root nuscenes --split train --needs images points target
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voxway.cli.options import Benchmark, Root, Sequences, Settings, Split, dataset_config
from voxway.data.registry import DEFAULT

Need = Literal["images", "points", "pose", "target", "semantics_2d", "depth"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check a dataset."""

    root: Root
    benchmark: Benchmark = DEFAULT
    split: Split = "train"
    """Which split."""
    sequences: Sequences = ()
    needs: tuple[Need, ...] = ("images", "target", "points")
    """What a run will read."""
    partial: bool = False
    """Missing sequences and frames are no errors."""
    contents: int = 10
    """Frames per sequence whose files are opened."""
    set: Settings = ()
    """Further settings of the data, such as preprocessed=labels or voxel_folder=voxels_2020-05."""


def run(options: Options) -> int:
    """Check and print the report."""
    from voxway.cli.screen import show
    from voxway.core.progress import progress_bar
    from voxway.data.registry import checker

    config = dataset_config(
        options.benchmark,
        options.root,
        frozenset(options.needs),
        options.split,
        sequences=options.sequences,
        settings=options.set,
        partial=options.partial,
    )
    with progress_bar("checking sequences", 1) as bar:

        def advance(done: int, total: int, what: str) -> None:
            bar.update(done, total, what)

        report = checker(options.benchmark)(config, options.contents, advance)
    if report.findings:
        show(report.table())
    print("\n".join(line for line in report.lines() if line not in {str(f) for f in report.findings}))
    print("usable" if report.usable else "not usable as it is")
    return 0 if report.usable else 1
