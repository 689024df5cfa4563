"""Page and picture of stored predictions beside images and truth, or of the truth alone.

examples:
  voxway view --root KITTI --predictions out --out look --keys 08/000000
  voxway view --root world --split val --out look
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voxway.cli.options import Keys, Out, Root, Sequences, Split


@dataclass(frozen=True, kw_only=True)
class Options:
    """Look at predictions and truth."""

    root: Root
    out: Out
    """Folder for page.html and picture.png."""
    predictions: Path | None = None
    """Folder that holds sequences/SS/predictions/. Default: show the truth alone."""
    targets: Path | None = None
    """Folder with targets SS_FFFFFF.npz instead of the voxel files."""
    split: Split = "val"
    """Which split."""
    sequences: Sequences = ()
    keys: Keys = ()
    results: tuple[Path, ...] = ()
    """Result files of `voxway eval` for the table."""


def run(options: Options) -> None:
    """Write the page."""
    import torch

    from voxway.cli.pages import PAGE_FRAMES, frame_of, write_views
    from voxway.core.benchmark import SEMANTIC_KITTI
    from voxway.core.result import Result
    from voxway.data.semantickitti.layout import read_voxel_labels
    from voxway.data.semantickitti.reader import SemanticKITTIConfig
    from voxway.data.semantickitti.submission import prediction_name
    from voxway.engine.log import tracked

    data = SemanticKITTIConfig(
        root=options.root,
        split=options.split,
        sequences=options.sequences,
        keys=options.keys,
        partial=True,
        needs=frozenset({"images"}),
        targets=options.targets,
    )
    reader = data.build()
    keys = list(reader.keys)
    if options.predictions is not None:
        keys = [key for key in keys if (options.predictions / prediction_name(key)).exists()] or keys[:1]
    frames = []
    for key in tracked(keys[:PAGE_FRAMES], "reading frames", min(len(keys), PAGE_FRAMES)):
        prediction = None
        if options.predictions is not None:
            path = options.predictions / prediction_name(key)
            prediction = torch.from_numpy(SEMANTIC_KITTI.to_train(read_voxel_labels(path), path))
        frames.append(frame_of(reader[key], prediction, data))
    write_views(options.out, frames, str(options.root), [Result.load(path) for path in options.results])
