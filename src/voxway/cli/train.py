"""Train a recipe; the same command continues a run that was stopped.

Several GPUs or processes: torchrun --nproc-per-node 4 -m voxway train ... (same result, shared work).

examples:
  voxway train monoocc-s --root KITTI --out runs/s --proposals stereo
  voxway train monoocc-world --root world --out runs/w --set train.steps=1000 method.width=96
  voxway train qpn --root KITTI --out runs/qpn --set data.prepared.pseudo=pseudo
  voxway train flashocc-r50 --root nuscenes --out runs/f --start bevdet-r50-cbgs.pth
  voxway train effocc-student-r50 --root nuscenes --out runs/student --teacher runs/fusion/model
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from voxway.cli.options import Cache, Device, Keys, Out, Proposals, Root, overridden

if TYPE_CHECKING:
    from voxway.recipes.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train a recipe."""

    recipe: tyro.conf.Positional[str]
    """Name of the recipe (a wrong one is answered with the list), or module:function of one's own."""
    root: Root
    out: Out
    """Folder of the run."""
    keys: Keys = ()
    proposals: Proposals = None
    cache: Cache = None
    teacher: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of a trained network to learn from, or of what a teacher left behind (`voxway prepare teacher`)."""
    start: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Network to start from: a folder of ours, or a checkpoint with published names; what fits is taken."""
    steps: int | None = None
    """Optimiser steps, instead of the recipe's; of several stages, of each."""
    device: Device = "auto"
    set: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE", help="Further settings of the recipe.")] = ()


def run(options: Options) -> None:
    """Train."""
    from dataclasses import replace

    from voxway.api.train import train
    from voxway.engine.distributed import process_group
    from voxway.engine.memory import keep_freed_memory
    from voxway.recipes import recipe
    from voxway.recipes.recipe import StagedRecipe

    chosen = recipe(options.recipe, options.root)
    if isinstance(chosen, StagedRecipe):
        stages = {name: _changed(stage, options) for name, stage in chosen.stages.items()}
        first = next(iter(stages))
        chosen = replace(chosen, stages={**stages, first: _started(stages[first], options)})
    else:
        chosen = _started(_changed(chosen, options), options)
    chosen = overridden(chosen, options.set)
    keep_freed_memory()
    with process_group(options.device) as group:
        model = train(chosen, Path(options.out), options.recipe, cache=options.cache, group=group)
        if group.leads:
            print(f"trained network: {model}")


def _changed(chosen: Recipe, options: Options) -> Recipe:
    """The recipe, or a stage of one, after the options that every run has."""
    from dataclasses import replace

    from voxway.api.data import with_origin
    from voxway.engine.teaching.folder import teacher_config

    data = replace(chosen.data, keys=options.keys or chosen.data.keys)
    if options.proposals is not None and "proposals" in data.needs:
        data, sources = with_origin(data, chosen.sources, "proposals", options.proposals)
        chosen = replace(chosen, sources=sources)
    chosen = replace(chosen, data=data)
    if options.teacher is not None:
        chosen = replace(chosen, teacher=teacher_config(options.teacher))
    if options.steps is not None:
        chosen = overridden(chosen, (f"train.steps={options.steps}",))
    return chosen


def _started(chosen: Recipe, options: Options) -> Recipe:
    """The recipe, or the first stage of one, with the network that it is to start from."""
    from dataclasses import replace

    return chosen if options.start is None else replace(chosen, start=options.start)
