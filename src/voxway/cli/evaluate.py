"""Score a trained network on a split, or the baseline that it has to beat.

examples:
  voxway eval runs/s/model --root KITTI --split val --out results/s.json
  voxway eval baseline --root world --split val
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from voxway.cli.options import Cache, Device, Keys, Out, Proposals, Root, Split, select, with_proposals


@dataclass(frozen=True, kw_only=True)
class Options:
    """Score a network."""

    model: tyro.conf.Positional[str]
    """Folder of a trained or converted network; or the word baseline: each voxel's most frequent class in train."""
    root: Root
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

    from voxway.data.semantickitti.reader import SemanticKITTIConfig
    from voxway.engine.baseline import constant_predictor, most_frequent_class
    from voxway.engine.distributed import process_group
    from voxway.metrics.compare import compare
    from voxway.recipes.run import ready
    from voxway.recipes.score import load_predictor, score_predictor, trained_data

    with process_group(options.device) as group:
        if options.model == "baseline":
            needs = frozenset({"target"})
            data = SemanticKITTIConfig(root=options.root, needs=needs, partial=True, split=options.split or "val")
            data = select(data, options.split, options.keys)
            training = replace(data, split="train", keys=())
            volume = most_frequent_class(training.build(), training.build().benchmark, show=group.leads)
            results = score_predictor(constant_predictor(volume), data, None, name="most frequent", group=group)
        else:
            folder = Path(options.model)
            data, source = trained_data(folder, options.root)
            default = None if data.keys else "val"
            data = select(data, options.split or default, options.keys)
            data, source = with_proposals(data, source, options.proposals)
            data = ready(data, source, options.cache, group)
            predict, ema, checkpoint = load_predictor(folder, group)
            name = options.name or str(folder)
            results = score_predictor(predict, data, source, name=name, ema=ema, checkpoint=checkpoint, group=group)
        if not group.leads:
            return
        Console().print(compare([results[0]]).table())
        for near in results[1:]:
            print(f"within {near.protocol.range_m} m: IoU {100 * near.iou:.2f}, mIoU {100 * near.miou:.2f}")
        if options.out:
            results[0].save(options.out)
            print(f"result: {options.out}")
