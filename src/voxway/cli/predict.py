"""Predict frames: files as the benchmark's server takes them, and a page with images, prediction and any truth.

No labels are needed. SemanticKITTI: image, calib.txt and a scan (or the right image) are enough.

examples:
  voxway predict runs/s/model --root KITTI --split test --out predictions --no-page
  voxway predict runs/s/model --root my_car --sequences 00 --proposals lidar --out out
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from voxway.cli.options import Cache, Device, Keys, Out, Proposals, Root, Sequences, Split, select, with_proposals


@dataclass(frozen=True, kw_only=True)
class Options:
    """Predict frames."""

    model: tyro.conf.Positional[Path]
    """Folder of a trained or converted network."""
    root: Root
    out: Out
    """Folder for the predictions (sequences/SS/predictions/FFFFFF.label and the like), page.html and picture.png."""
    split: Split | None = None
    """Which split. Default: val, or the frames that were trained on if the recipe named them."""
    sequences: Sequences = ()
    keys: Keys = ()
    proposals: Proposals = None
    cache: Cache = None
    page: bool = True
    """Write the page, with 24 frames at most."""
    device: Device = "auto"


def run(options: Options) -> None:
    """Predict, write, and say where."""
    from dataclasses import replace

    from voxway.cli.pages import PAGE_FRAMES, frame_of, write_views
    from voxway.data import dataset, dataset_name
    from voxway.engine.distributed import process_group
    from voxway.engine.evaluate import predictions
    from voxway.engine.memory import keep_freed_memory
    from voxway.recipes.run import ready
    from voxway.recipes.score import load_trained

    keep_freed_memory()
    with process_group(options.device) as group:
        trained = load_trained(options.model, options.root, group.device)
        data = trained.data
        data = select(data, options.split or (None if data.keys else "val"), options.keys, options.sequences)
        data, source = with_proposals(data, trained.proposals, options.proposals)
        data = ready(replace(data, needs=trained.network.inputs), source, options.cache or options.out, group)
        reader, server = data.build(), dataset(dataset_name(data)).submissions()
        frames = []
        for sample, classes in predictions(trained.predict, reader, group=group):
            server.write_prediction(options.out, sample.key, classes.numpy())
            if options.page and group.leads and len(frames) < PAGE_FRAMES:
                frames.append(frame_of(sample, classes, data))
        group.wait()
        if group.leads:
            print(f"predictions: {options.out}")
        if options.page and group.leads:
            write_views(options.out, frames, reader.benchmark, title=f"{options.model} on {options.root}")
