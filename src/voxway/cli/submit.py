"""Check predictions as the test server does, and pack them into the zip that it takes.

examples:
  voxway submit predictions --root KITTI --split test --out submission.zip
  voxway submit submission.zip --root KITTI --split test
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from voxway.cli.options import Keys, Root, Split


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check and pack predictions."""

    predictions: tyro.conf.Positional[Path]
    """Folder that holds sequences/, or a zip to check."""
    root: Root
    split: Split = "test"
    """Which frames must be there."""
    keys: Keys = ()
    partial: bool = False
    """Ask only for the frames that the data's folder holds."""
    out: Path | None = None
    """The zip to write. Default: check only."""


def run(options: Options) -> None:
    """Check, pack."""
    from voxway.data.semantickitti.reader import SemanticKITTIConfig
    from voxway.data.semantickitti.submission import check_submission, zip_submission

    data = SemanticKITTIConfig(
        root=options.root,
        split=options.split,
        keys=options.keys,
        partial=options.partial,
        needs=frozenset({"images"}),
    )
    keys = data.build().keys
    if options.out is None:
        check_submission(options.predictions, keys)
        print(f"{len(keys)} predictions, valid")
    else:
        zip_submission(options.predictions, options.out, keys)
        print(f"{len(keys)} predictions: {options.out}")
