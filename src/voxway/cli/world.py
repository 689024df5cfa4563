"""Write synthetic streets in SemanticKITTI's layout: images, scans, poses, labels, voxels. Continues if stopped.

examples:
  voxway world --out world --train 40 --val 10
  voxway world --out big --train 400 --val 80 --sequences 8 --full-size
"""

from __future__ import annotations

from dataclasses import dataclass

from voxway.cli.options import Out


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write a synthetic world."""

    out: Out
    """Folder for sequences/ and world.json."""
    train: int = 40
    """Key frames for training, in all."""
    val: int = 10
    """Key frames for validation (sequence 08), on other streets."""
    sequences: int = 4
    """Drives that the training frames are spread over, 10 at most."""
    seed: int = 0
    """Of the streets."""
    full_size: bool = False
    """Images of 370 x 1226 pixels and 2048 LiDAR columns, instead of half of each."""
    processes: int | None = None
    """How many to work with. Default: one per core."""


def run(options: Options) -> None:
    """Write the world."""
    from voxway.recipes.world import world_config
    from voxway.world import generate

    config = world_config(options.train, options.val, options.sequences, options.seed, options.full_size)
    print(f"world: {generate(options.out, config, processes=options.processes)}")
