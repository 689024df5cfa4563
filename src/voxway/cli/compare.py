"""Put results side by side. Refused when their protocols differ, unless you name the fields that may.

Scores of voxels and of rays of the same predictions share a column if they share a name.

examples:
  voxway compare results/a.json results/b.json
  voxway compare results/a.json results/ema.json --allow ema
  voxway compare results/voxels.json results/rays.json
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare results."""

    results: tyro.conf.Positional[tuple[Path, ...]]
    """Files that `voxway eval --out` or `voxway score --out` wrote."""
    allow: tuple[str, ...] = ()
    """Protocol fields that may differ; they are shown."""


def run(options: Options) -> None:
    """Print the table."""
    from voxway.cli.screen import show
    from voxway.core.results import load_result
    from voxway.metrics.both_kinds import results_table

    show(results_table([load_result(path) for path in options.results], options.allow))
