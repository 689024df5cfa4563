"""Write synthetic streets in a benchmark's own files: images, scans, calibration, labels. Continues if stopped.

examples:
  voxway world --out world --train 40 --val 10
  voxway world --out big --train 400 --val 80 --sequences 8 --full-size
  voxway world --out ring --layout nuscenes --train 80 --val 20 --openoccupancy
  voxway world --out five --layout waymo --train 80 --val 20
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from voxway.cli.options import Out

if TYPE_CHECKING:
    from voxway.world.generate import AnyConfig


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a synthetic world."""

    out: Out
    """Folder for the files and world.json."""
    layout: Literal["semantickitti", "nuscenes", "waymo"] = "semantickitti"
    """Whose files to write: a stereo pair, six cameras (labels of Occ3D), or five (labels of Occ3D)."""
    train: int = 40
    """Key frames for training, in all."""
    val: int = 10
    """Key frames for validation, on other streets."""
    sequences: int = 4
    """Drives that the training frames are spread over; in SemanticKITTI's layout 10 at most."""
    seed: int = 0
    """Of the streets."""
    full_size: bool = False
    """Images and LiDAR as large as the real ones, instead of a half or a quarter of that."""
    openoccupancy: bool = False
    """Write OpenOccupancy's labels of 0.2 m as well; only in nuScenes' layout."""
    processes: int | None = None
    """How many to work with. Default: one per core."""


def run(options: Options) -> None:
    """Write the world."""
    from voxway.world import generate

    print(f"world: {generate(options.out, _config(options), processes=options.processes)}")


def _config(options: Options) -> AnyConfig:
    from voxway.core.errors import InputError
    from voxway.world import nuscenes_world, waymo_world

    if options.openoccupancy and options.layout != "nuscenes":
        raise InputError(
            file="world",
            field="--openoccupancy",
            expected="--layout nuscenes, whose key frames OpenOccupancy labels",
            found=f"--layout {options.layout}",
            remedy="Leave one of the two out.",
        )
    if options.processes is not None and options.processes < 1:
        raise InputError(
            file="world",
            field="--processes",
            expected="at least 1",
            found=options.processes,
            remedy="Leave it out to use every core.",
        )
    counts = (options.train, options.val, options.sequences, options.seed)
    if options.layout == "nuscenes":
        return nuscenes_world(*counts, full_size=options.full_size, openoccupancy=options.openoccupancy)
    if options.layout == "waymo":
        return waymo_world(*counts, full_size=options.full_size)
    from voxway.recipes.world import world_config

    return world_config(*counts, options.full_size)
