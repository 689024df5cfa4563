"""Put results side by side. Refused when their protocols differ, unless you name the fields that may.

examples:
  voxway compare results/a.json results/b.json
  voxway compare results/a.json results/ema.json --allow ema
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare results."""

    results: tyro.conf.Positional[tuple[Path, ...]]
    """Files that `voxway eval --out` wrote."""
    allow: tuple[str, ...] = ()
    """Protocol fields that may differ; they are shown."""


def run(options: Options) -> None:
    """Print the table."""
    from voxway.cli.screen import show
    from voxway.core.result import Result
    from voxway.metrics.compare import compare

    show(compare([Result.load(path) for path in options.results], options.allow).table())
