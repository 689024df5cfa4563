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

from voxway.cli.options import Cache, Device, Keys, Out, Proposals, Root, Sequences, Split


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

    from voxway.api.data import select, with_origin
    from voxway.api.load import load
    from voxway.api.look import PAGE_FRAMES, frame_of, write_views
    from voxway.data.registry import config_name, server
    from voxway.engine.distributed import process_group
    from voxway.engine.evaluate import network_predictor, predictions
    from voxway.engine.memory import keep_freed_memory
    from voxway.prepare.ready import ready

    keep_freed_memory()
    with process_group(options.device) as group:
        model = load(options.model, group.device)
        data = replace(model.data, root=options.root, needs=model.needs)
        data = select(data, options.split or (None if data.keys else "val"), options.keys, options.sequences)
        data, sources = with_origin(data, model.sources, "proposals", options.proposals)
        data = ready(data, sources, options.cache or options.out, group)
        samples, files = data.build(), server(config_name(data))
        frames = []
        for sample, occupancy in predictions(network_predictor(model.network), samples, samples.task, group=group):
            files.write(options.out, occupancy)
            if options.page and group.leads and len(frames) < PAGE_FRAMES:
                frames.append(frame_of(sample, occupancy, data))
        group.wait()
        if group.leads:
            print(f"predictions: {options.out}")
        if options.page and group.leads:
            page, picture = write_views(options.out, frames, title=f"{options.model} on {options.root}")
            print(f"page: {page}\npicture: {picture}")
