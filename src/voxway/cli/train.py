"""Train a recipe; the same command continues a run that was stopped.

Several GPUs or processes: torchrun --nproc-per-node 4 -m voxway train ... (same result, shared work).

examples:
  voxway train monoocc-s --root KITTI --out runs/s --proposals stereo
  voxway train monoocc-world --root world --out runs/w --set train.steps=1000 method.width=96
  voxway train qpn --root KITTI --out runs/qpn --set data.pseudo=pseudo
  voxway train flashocc-r50 --root nuscenes --out runs/f --start bevdet-r50-cbgs.pth
  voxway train effocc-student-r50 --root nuscenes --out runs/student --teacher runs/fusion/model
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from voxway.cli.options import Cache, Device, Keys, Out, Proposals, Root, overridden, with_proposals


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train a recipe."""

    recipe: tyro.conf.Positional[str]
    """Name of the recipe; a wrong one is answered with the list."""
    root: Root
    out: Out
    """Folder of the run."""
    keys: Keys = ()
    proposals: Proposals = None
    cache: Cache = None
    teacher: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of a trained network to learn from, or of features that it left behind (`voxway prepare teacher`)."""
    start: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Network to start from: a folder of ours, or a checkpoint with published names; what fits is taken."""
    steps: int | None = None
    """Optimiser steps, instead of the recipe's."""
    device: Device = "auto"
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE", help="Further settings of the recipe.")] = ()


def run(options: Options) -> None:
    """Train."""
    from dataclasses import replace

    from voxway.engine.distributed import process_group
    from voxway.engine.memory import keep_freed_memory
    from voxway.engine.teaching.stored import teacher_config
    from voxway.recipes import recipe
    from voxway.recipes.run import run_recipe

    chosen = recipe(options.recipe, options.root)
    data, source = with_proposals(chosen.data, chosen.proposals, options.proposals)
    data = replace(data, keys=options.keys or data.keys)
    chosen = replace(chosen, data=data, proposals=source)
    if options.teacher is not None:
        chosen = replace(chosen, teacher=teacher_config(options.teacher))
    if options.start is not None:
        chosen = replace(chosen, start=options.start)
    steps = (f"train.steps={options.steps}",) if options.steps is not None else ()
    chosen = overridden(chosen, (*options.set, *steps))
    keep_freed_memory()
    with process_group(options.device) as group:
        model = run_recipe(chosen, Path(options.out), options.recipe, cache=options.cache, group=group)
        if group.leads:
            print(f"trained network: {model}")
