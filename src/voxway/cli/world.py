"""Write synthetic streets in a benchmark's own files: images, scans, calibration, labels. Continues if stopped.

examples:
  voxway world --out world --train 40 --val 10
  voxway world --out big --train 400 --val 80 --sequences 8 --full-size
  voxway world --out ring --layout nuscenes --train 80 --val 20 --openoccupancy
  voxway world --out five --layout waymo --train 80 --val 20
"""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import Annotated

import tyro

from voxway.cli.options import Out
from voxway.world.layouts import DEFAULT, LAYOUTS, with_extra

_HOLDS = ", ".join(f"{name} ({entry.holds})" for name, entry in LAYOUTS.items())
_EXTRAS = sorted({extra for entry in LAYOUTS.values() for extra in entry.extras})


@dataclass(frozen=True, kw_only=True)
class _Amounts:
    """Write a synthetic world."""

    out: Out
    """Folder for the files and world.json."""
    layout: Annotated[
        str, tyro.conf.arg(metavar=f"{{{','.join(LAYOUTS)}}}", help=f"Whose files to write: {_HOLDS}.")
    ] = DEFAULT
    train: int = 40
    """Key frames for training, in all."""
    val: int = 10
    """Key frames for validation, on other streets."""
    sequences: int = 4
    """Drives that the training frames are spread over, as many as the layout's training split has at most."""
    seed: int = 0
    """What streets, traffic and noise are drawn from: another seed is another world."""
    full_size: bool = False
    """Images and LiDAR as large as the real ones, instead of a half or a quarter of that."""
    processes: int | None = None
    """How many to work with. Default: one per core."""


Options = make_dataclass(
    "Options",
    [
        (
            extra,
            Annotated[bool, tyro.conf.arg(help=f"Write that too; with --layout {with_extra(extra)}.")],
            field(default=False),
        )
        for extra in _EXTRAS
    ],
    bases=(_Amounts,),
    frozen=True,
    kw_only=True,
)
"""Amounts, and a switch for everything that some layout can write besides."""


def run(options: _Amounts) -> None:
    """Write the world."""
    from voxway.core.errors import InputError
    from voxway.world import generate
    from voxway.world.layouts import world_config

    if options.processes is not None and options.processes < 1:
        raise InputError(
            file="world",
            field="--processes",
            expected="at least 1",
            found=options.processes,
            remedy="Leave it out to use every core.",
        )
    config = world_config(
        options.layout,
        options.train,
        options.val,
        options.sequences,
        options.seed,
        full_size=options.full_size,
        extras=[extra for extra in _EXTRAS if getattr(options, extra)],
    )
    print(f"world: {generate(options.out, config, processes=options.processes)}")
