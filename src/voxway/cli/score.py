"""Score predictions that are stored, whoever wrote them: by voxels (mIoU), or along rays of a LiDAR (RayIoU).

A folder holds a volume of class ids for each frame, in the benchmark's ids on disk and x, y, z order:
  TOKEN.npz  TOKEN.npy  SCENE/TOKEN.npz  SCENE/TOKEN/labels.npz      arrays pred, semantics, arr_0, or one alone
or, of sparse networks, rows x, y, z, class of voxels that are not free, (n, 4), or occ_loc (n, 3) and sem_pred (n,).
Beside classes, for metrics that want them of truth and prediction: instances (x, y, z), flow (x, y, z, 2) in m/s.
With --out, counts are kept beside the result on the way: the same command continues one that was stopped.

examples:
  voxway score predictions --root nuscenes --benchmark occ3d-nuscenes --metric ray --out results/ray.json
  voxway score predictions --root nuscenes --benchmark occ3d-nuscenes --metric ray --picture rays.png
  voxway score predictions --root nuscenes --benchmark occ3d-nuscenes --training-masks camera --processes 8
  voxway score predictions --root nuscenes --benchmark occ3d-nuscenes --metric panoptic --set labels=occ3d_panoptic
  voxway score predictions --root nuscenes --benchmark openocc-nuscenes --metric flow
  voxway score predictions --root nuscenes --benchmark occ3d-nuscenes --set infos=bevdetv3-nuscenes_infos_val.pkl
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from voxway.cli.options import Benchmark, Keys, Metric, Out, Root, Sequences, Settings, Split, dataset_config
from voxway.data.registry import DEFAULT


@dataclass(frozen=True, kw_only=True)
class Options:
    """Score stored predictions."""

    predictions: tyro.conf.Positional[Path]
    """Folder of the predictions."""
    root: Root
    benchmark: Benchmark = DEFAULT
    metric: Metric = "miou"
    split: Split = "val"
    """Which frames must be there."""
    keys: Keys = ()
    sequences: Sequences = ()
    partial: bool = False
    """Score the frames that have truth and a prediction, be they the whole split or not."""
    name: str = ""
    """What the result is called. Default: the folder."""
    inputs: tuple[str, ...] = ()
    """What the network saw, to stand in the result: images, points."""
    frames: int = 1
    """How many frames it saw for each prediction, to stand in the result."""
    training_masks: tuple[str, ...] = ()
    """Masks outside which it was taught nothing, to stand in the result; RayIoU sees what a network fills in there."""
    processes: int = 1
    """Processes that share the work; any number gives the same result, bit for bit."""
    out: Out | None = None
    """Write the result to this JSON file, for `voxway compare`."""
    picture: Path | None = None
    """Along rays: write a PNG of the first frame from above, with where its rays end and how well they are met,
    and the same by distance."""
    set: Settings = ()
    """Further settings of the data, such as infos=FILE."""


def run(options: Options) -> None:
    """Score, save, and print."""
    from voxway.api.stored import draw_rays, score_stored
    from voxway.cli.scores import show_scores
    from voxway.core.files import require_writable
    from voxway.view.png import write_png

    for path in (options.out, options.picture):
        if path:
            require_writable(path)
    data = dataset_config(
        options.benchmark,
        options.root,
        frozenset({"target"}),
        options.split,
        options.keys,
        options.sequences,
        options.set,
        options.partial,
    )
    results = score_stored(
        options.predictions,
        data,
        options.metric,
        name=options.name,
        inputs=options.inputs,
        training_masks=options.training_masks,
        frames_seen=options.frames,
        processes=options.processes,
        kept=options.out and options.out.with_name(f".{options.out.name}.counts"),
    )
    if options.out:
        results[0].save(options.out)
    show_scores(results)
    if options.out:
        print(f"result: {options.out}")
    if options.picture and options.metric != "miou":
        print(f"picture: {write_png(options.picture, draw_rays(options.predictions, data))}")
