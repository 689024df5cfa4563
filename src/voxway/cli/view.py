"""Page and picture of stored predictions beside images and truth, or of the truth alone.

examples:
  voxway view --root KITTI --predictions out --out look --keys 08/000000
  voxway view --root world --split val --out look
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voxway.cli.options import Benchmark, Keys, Out, Root, Sequences, Settings, Split, dataset_config


@dataclass(frozen=True, kw_only=True)
class Options:
    """Look at predictions and truth."""

    root: Root
    benchmark: Benchmark = "semantickitti"
    out: Out
    """Folder for page.html and picture.png."""
    predictions: Path | None = None
    """Folder that `voxway predict` wrote. Default: show the truth alone."""
    split: Split = "val"
    """Which split."""
    sequences: Sequences = ()
    keys: Keys = ()
    results: tuple[Path, ...] = ()
    """Result files of `voxway eval` for the table."""
    set: Settings = ()
    """Further settings of the data, such as targets=derived."""


def run(options: Options) -> None:
    """Write the page."""
    import torch

    from voxway.cli.pages import PAGE_FRAMES, frame_of, write_views
    from voxway.core.result import Result
    from voxway.data import dataset
    from voxway.engine.log import tracked

    needs = frozenset({"images"})
    data = dataset_config(
        options.benchmark, options.root, needs, options.split, options.keys, options.sequences, options.set
    )
    reader, server = data.build(), dataset(options.benchmark).submissions()
    keys = list(reader.keys)
    if options.predictions is not None:
        keys = [key for key in keys if (options.predictions / server.prediction_name(key)).exists()] or keys[:1]
    frames = []
    for key in tracked(keys[:PAGE_FRAMES], "reading frames", min(len(keys), PAGE_FRAMES)):
        prediction = None
        if options.predictions is not None:
            prediction = torch.from_numpy(server.read_prediction(options.predictions, key))
        frames.append(frame_of(reader[key], prediction, data))
    results = [Result.load(path) for path in options.results]
    write_views(options.out, frames, reader.benchmark, str(options.root), results)
