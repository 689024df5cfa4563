"""Make what training reads from raw data. Resumable: files that exist are kept. Divisible: --shard 0/8 ... 7/8.

  proposals   query files from LiDAR or a stereo pair
  truth       voxel files (.label .bin .invalid .occluded) from labelled scans and poses
  targets     SS/FFFFFF_1_k.npy at scales k = 1, 2, 4, 8 from voxel files

examples:
  voxway prepare proposals --root KITTI --source stereo --out queries
  voxway prepare truth --root my_scans --sequences 00 --out my_scans --shard 0/8
  voxway prepare targets --root KITTI --split train --out labels
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import tyro

from voxway.cli.options import Keys, Out, Root, Split


@dataclass(frozen=True, kw_only=True)
class Options:
    """Prepare data."""

    what: tyro.conf.Positional[Literal["proposals", "truth", "targets"]]
    """What to make."""
    root: Root
    out: Out
    """Folder to write to; for truth, the folder that holds sequences/."""
    split: Split = "train"
    """Which split."""
    sequences: tuple[str, ...] = ()
    """Sequences, instead of the split's."""
    keys: Keys = ()
    source: Literal["lidar", "stereo"] = "lidar"
    """What proposals are made from."""
    sweeps: int = 1
    """Scans put together for LiDAR proposals; beyond one needs poses.txt."""
    scans: int = 70
    """Scans after the key scan that voxel truth is built from."""
    shard: str = "0/1"
    """i/N: do every N-th frame, beginning with the i-th."""


def run(options: Options) -> None:
    """Make the files."""
    from voxway.data.semantickitti.reader import SemanticKITTIConfig
    from voxway.prepare.proposals import prepare_proposals
    from voxway.prepare.runner import parse_shard
    from voxway.prepare.voxels import prepare_targets, prepare_truth

    shard = parse_shard(options.shard)
    data = SemanticKITTIConfig(
        root=options.root,
        split=options.split,
        sequences=options.sequences,
        keys=options.keys,
        partial=True,
        needs=frozenset({"points"} if options.what != "targets" else {"target"}),
    )
    if options.what == "proposals":
        made = prepare_proposals(data, options.out, options.source, sweeps=options.sweeps, shard=shard)
    elif options.what == "truth":
        made = prepare_truth(data, options.out, scans=options.scans, shard=shard)
    else:
        made = prepare_targets(data, options.out, shard=shard)
    print(f"{made} files made in {options.out}")
