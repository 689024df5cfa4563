"""Score a trained network on a split, or the baseline that it has to beat.

examples:
  voxway eval runs/s/model --root KITTI --split val --out results/s.json
  voxway eval baseline --root world --split val
  voxway eval runs/fusion/model --root nuscenes --benchmark occ3d-nuscenes
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from voxway.cli.options import (
    Benchmark,
    Cache,
    Device,
    Keys,
    Out,
    Proposals,
    Root,
    Split,
    dataset_config,
    select,
    with_proposals,
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Score a network."""

    model: tyro.conf.Positional[str]
    """Folder of a trained or converted network; or the word baseline: each voxel's most frequent class in train."""
    root: Root
    benchmark: Benchmark = "semantickitti"
    """Whose files the folder holds; for the baseline only, a network knows what it was trained on."""
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


def run(options: Options) -> None:
    """Score and print."""
    from dataclasses import replace

    from rich.console import Console

    from voxway.engine.baseline import constant_predictor, most_frequent_class
    from voxway.engine.distributed import process_group
    from voxway.engine.memory import keep_freed_memory
    from voxway.metrics.compare import compare
    from voxway.recipes.run import ready
    from voxway.recipes.score import load_trained, score_predictor, score_trained

    keep_freed_memory()
    with process_group(options.device) as group:
        if options.model == "baseline":
            split = options.split or "val"
            data = dataset_config(options.benchmark, options.root, frozenset({"target"}), split, options.keys)
            training = replace(data, split="train", keys=()).build()
            volume = most_frequent_class(training, training.benchmark, show=group.leads)
            results = score_predictor(constant_predictor(volume), data, None, name="most frequent", group=group)
        else:
            folder = Path(options.model)
            trained = load_trained(folder, options.root, group.device)
            default = None if trained.data.keys else "val"
            data = select(trained.data, options.split or default, options.keys)
            data, source = with_proposals(data, trained.proposals, options.proposals)
            data = ready(data, source, options.cache, group)
            trained = replace(trained, proposals=source)
            results = score_trained(trained, data, name=options.name or str(folder), group=group)
        if not group.leads:
            return
        Console().print(compare([results[0]]).table())
        for near in results[1:]:
            print(f"within {near.protocol.range_m} m: IoU {100 * near.iou:.2f}, mIoU {100 * near.miou:.2f}")
        if options.out:
            results[0].save(options.out)
            print(f"result: {options.out}")
