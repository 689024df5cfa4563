"""Check predictions as the test server does, and pack them into the zip that it takes.

examples:
  voxway submit predictions --root KITTI --split test --out submission.zip
  voxway submit submission.zip --root KITTI --split test
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from voxway.cli.options import Benchmark, Keys, Root, Split, dataset_config
from voxway.data.registry import DEFAULT


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check and pack predictions."""

    predictions: tyro.conf.Positional[Path]
    """Folder that holds sequences/, or a zip to check."""
    root: Root
    benchmark: Benchmark = DEFAULT
    split: Split = "test"
    """Which frames must be there."""
    keys: Keys = ()
    partial: bool = False
    """Ask only for the frames that the data's folder holds, be they the whole split or not."""
    out: Path | None = None
    """The zip to write. Default: check only."""


def run(options: Options) -> None:
    """Check, pack."""
    from voxway.core.benchmark import Split
    from voxway.data.registry import benchmark, server

    files = server(options.benchmark)
    needs = frozenset({"images"})
    data = dataset_config(options.benchmark, options.root, needs, options.split, options.keys, partial=options.partial)
    keys = data.build().keys
    if not (options.partial or options.keys):
        benchmark(options.benchmark).splits.get(options.split, Split()).require_whole(keys, options.root)
    if options.out is None:
        files.check(options.predictions, keys)
        print(f"{len(keys)} predictions, valid")
    else:
        files.pack(options.predictions, options.out, keys)
        print(f"{len(keys)} predictions: {options.out}")
