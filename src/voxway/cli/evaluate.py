"""Score a trained network on a split, or the baseline that it has to beat.

examples:
  voxway eval runs/s/model --root KITTI --split val --out results/s.json
  voxway eval baseline --root world --split val
  voxway eval runs/fusion/model --root nuscenes
  voxway eval runs/fusion/model --root nuscenes --metric ray --out results/ray.json
  voxway eval runs/fusion/model --root nuscenes --metric panoptic --set labels=nuscenes/occ3d_panoptic
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from voxway.cli.options import (
    Benchmark,
    Cache,
    Device,
    Keys,
    Metric,
    Out,
    Proposals,
    Root,
    Settings,
    SpareMemory,
    Split,
    dataset_config,
    overridden,
)
from voxway.data.registry import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voxway.core.results import AnyResult
    from voxway.engine.distributed import Group


@dataclass(frozen=True, kw_only=True)
class Options:
    """Score a network."""

    model: tyro.conf.Positional[str]
    """Folder of a trained or converted network; or the word baseline: each voxel's most frequent class in train."""
    root: Root
    benchmark: Benchmark = DEFAULT
    """Whose files the folder holds; for the baseline only, a network knows what it was trained on."""
    metric: Metric = "miou"
    split: Split | None = None
    """Which split. Default: val, or the frames that were trained on if the recipe named them."""
    keys: Keys = ()
    proposals: Proposals = None
    cache: Cache = None
    out: Out | None = None
    """Write the result to this JSON file, for `voxway compare`."""
    name: str = ""
    """What the result is called. Default: the model's folder."""
    device: Device = "auto"
    spare_memory: SpareMemory = False
    set: Settings = ()
    """Further settings of the data, such as labels=DIR."""


def run(options: Options) -> None:
    """Score, save, and print."""
    from voxway.cli.scores import show_scores
    from voxway.core.files import require_writable
    from voxway.engine.distributed import process_group
    from voxway.engine.memory import keep_freed_memory, spare_memory

    if options.out:
        require_writable(options.out)
    (spare_memory if options.spare_memory else keep_freed_memory)()
    with process_group(options.device) as group:
        results = _baseline(options, group) if options.model == "baseline" else _network(options, group)
        if not group.leads:
            return
        if options.out:
            results[0].save(options.out)
        show_scores(results)
        if options.out:
            print(f"result: {options.out}")


def _baseline(options: Options, group: Group) -> Sequence[AnyResult]:
    from dataclasses import replace
    from functools import partial

    from voxway.api.beside import KINDS, BesideMetric, silent
    from voxway.api.score import score_predictor
    from voxway.api.stored import METRICS
    from voxway.engine.baseline import constant_predictor, most_frequent_class

    needs, split = frozenset({"target"}), options.split or "val"
    data = dataset_config(options.benchmark, options.root, needs, split, options.keys, settings=options.set)
    training = replace(data, split="train", keys=()).build()
    volume = most_frequent_class(training, training.task, show=group.leads)
    predict, name = constant_predictor(volume), "most frequent"
    if options.metric in KINDS:
        metric = partial(BesideMetric, kind=KINDS[options.metric])
        return score_predictor(silent(predict), data, {}, metric=metric, name=name, group=group)
    return score_predictor(predict, data, {}, metric=METRICS[options.metric], name=name, group=group)


def _network(options: Options, group: Group) -> Sequence[AnyResult]:
    from dataclasses import replace

    from voxway.api.data import select, with_origin
    from voxway.api.load import load
    from voxway.api.score import score, score_beside, score_rays
    from voxway.prepare.ready import ready

    model = load(Path(options.model), group.device)
    data = replace(model.data, root=options.root)
    data = overridden(select(data, options.split or (None if data.keys else "val"), options.keys), options.set)
    data, sources = with_origin(data, model.sources, "proposals", options.proposals)
    data = ready(data, sources, options.cache, group)
    model = replace(model, sources=sources)
    if options.metric == "ray":
        return [score_rays(model, data, name=options.name, group=group)]
    if options.metric != "miou":
        return [score_beside(model, data, options.metric, name=options.name, group=group)]
    return score(model, data, name=options.name, group=group)
