"""Predict frames: SemanticKITTI label files, and a page with image, prediction and, where there is one, the truth.

No labels are needed: image, calib.txt and a scan (or the right image) are enough.

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
    """Folder for sequences/SS/predictions/FFFFFF.label, page.html and picture.png."""
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
    from voxway.data.semantickitti.submission import write_prediction
    from voxway.engine.distributed import process_group
    from voxway.engine.evaluate import predictions
    from voxway.recipes.run import ready
    from voxway.recipes.score import load_predictor, trained_data

    with process_group(options.device) as group:
        data, source = trained_data(options.model, options.root)
        data = select(data, options.split or (None if data.keys else "val"), options.keys, options.sequences)
        data, source = with_proposals(data, source, options.proposals)
        data = replace(data, needs=frozenset({"images", "proposals"}))
        data = ready(data, source, options.cache or options.out, group)
        predict, _, _ = load_predictor(options.model, group)
        frames = []
        for sample, classes in predictions(predict, data.build(), group=group):
            write_prediction(options.out, sample.key, classes.numpy())
            if options.page and group.leads and len(frames) < PAGE_FRAMES:
                frames.append(frame_of(sample, classes, data))
        group.wait()
        if group.leads:
            print(f"predictions: {options.out / 'sequences'}")
        if options.page and group.leads:
            write_views(options.out, frames, title=f"{options.model} on {options.root}")
