"""Write synthetic streets in a benchmark's own files: images, scans, calibration, labels. Continues if stopped.

examples:
  voxway world --out world --train 40 --val 10
  voxway world --out big --train 400 --val 80 --sequences 8 --full-size
  voxway world --out ring --layout nuscenes --train 80 --val 20 --extras openoccupancy
  voxway world --out five --layout waymo --train 80 --val 20
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from voxway.cli.options import Out
from voxway.world.layouts import DEFAULT, LAYOUTS

_HOLDS = ", ".join(f"{name} ({entry.holds})" for name, entry in LAYOUTS.items())
_EXTRAS = "What to write besides: " + ", ".join(
    f"{extra} with --layout {name}" for name, entry in LAYOUTS.items() for extra in entry.extras
)


@dataclass(frozen=True, kw_only=True)
class Options:
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
    extras: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME", help=_EXTRAS)] = ()
    processes: int | None = None
    """How many to work with. Default: one per core."""


def run(options: Options) -> None:
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
        extras=options.extras,
    )
    print(f"world: {generate(options.out, config, processes=options.processes)}")
