"""Choose which frames, or which voxels of them, to label next: those of which a network is least sure.

Selections grow round by round; readers take them with --set data.selection=DIR. A stopped call continues.

examples:
  voxway select runs/fusion/model --root nuscenes --out chosen --frames 1400
  voxway select runs/fusion/model --root nuscenes --out chosen --frames 1400 --voxels 0.01
  voxway select runs/second/model --root nuscenes --out chosen --voxels 0.001 --per-class
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from voxway.cli.options import Device, Out, Root


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choose what to label."""

    model: tyro.conf.Positional[Path]
    """Folder of a trained network."""
    root: Root
    out: Out
    """Folder of the selection; one that exists gains a round."""
    frames: int = 0
    """Frames to add. 0: none, which leaves voxels of those that are selected."""
    voxels: float | None = None
    """Share of each selected frame's voxels to add, 0..1. Default: label whole frames."""
    per_class: bool = False
    """Spread voxels evenly over the predicted classes."""
    shard: Annotated[str, tyro.conf.arg(metavar="I/N")] = "0/1"
    """Rank every N-th frame only; the last of N calls chooses."""
    device: Device = "auto"


def run(options: Options) -> None:
    """Rank and choose."""
    from dataclasses import replace

    import torch

    from voxway.api.load import load
    from voxway.core.errors import InputError
    from voxway.core.sample import Batch, Prediction
    from voxway.data.steps.selection import Selection
    from voxway.engine.distributed import process_group
    from voxway.prepare.runner import parse_shard
    from voxway.prepare.selection import frame_entropies, select

    if options.frames < 1 and options.voxels is None:
        raise InputError(
            file="select",
            field="--frames, --voxels",
            expected="how many frames to add, or which share of their voxels",
            found="neither",
            remedy="Pass --frames 100, --voxels 0.01, or both.",
        )
    shard = parse_shard(options.shard)
    with process_group(options.device) as group:
        model = load(options.model, group.device)
        # Whatever labels the network was trained on: every frame of the split may be chosen.
        everything = replace(model.data.all_labelled(), keys=())
        data = replace(everything, root=options.root, needs=model.needs | {"target"}).build()
        network = model.network

        @torch.no_grad()
        def predict(batch: Batch) -> Prediction:
            said = network(batch.to(group.device)).finite(batch.keys)
            return replace(said, logits=said.logits.cpu())

        known = options.out / "selection.json"
        selection = Selection.load(options.out) if known.exists() else Selection(options.out)
        folder, entropies = options.out / "entropies" / model.checkpoint[:12], {}
        if options.frames:
            entropies = frame_entropies(predict, data, folder, shard=shard)
            if len(entropies) < len(data):
                print(f"{len(entropies)} of {len(data)} frames ranked; the call that ranks the last one chooses")
                return
        selection = select(
            predict,
            data,
            selection,
            entropies,
            frames=options.frames,
            voxels=options.voxels,
            per_class=options.per_class,
            model=model.checkpoint,
        )
    print(f"round {len(selection.rounds)}: {len(selection.keys)} frames in all: {options.out}")
