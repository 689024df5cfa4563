"""Page and picture of stored predictions beside images and truth, or of the truth alone.

examples:
  voxway view --root KITTI --predictions out --out look --keys 08/000000
  voxway view --root world --split val --out look
  voxway view --root ring --benchmark occ3d-nuscenes --predictions out/ring --rays --out look
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voxway.cli.options import Benchmark, Keys, Out, Root, Sequences, Settings, Split, dataset_config
from voxway.data.registry import DEFAULT


@dataclass(frozen=True, kw_only=True)
class Options:
    """Look at predictions and truth."""

    root: Root
    benchmark: Benchmark = DEFAULT
    out: Out
    """Folder for page.html and picture.png."""
    predictions: Path | None = None
    """Folder that `voxway predict` wrote. Default: show the truth alone."""
    split: Split = "val"
    """Which split."""
    sequences: Sequences = ()
    keys: Keys = ()
    rays: bool = False
    """Also colour by rays of a LiDAR, of which a share meets in each voxel what it meets in the truth, with curves by
    distance; needs predictions, and poses of the LiDAR."""
    results: tuple[Path, ...] = ()
    """Result files of `voxway eval` for the table."""
    set: Settings = ()
    """Further settings of the data, such as targets=derived."""


def run(options: Options) -> None:
    """Write the page."""
    from voxway.api.look import PAGE_FRAMES, frame_of, rays_for_page, write_views
    from voxway.core.progress import tracked
    from voxway.core.result import Result
    from voxway.data.registry import server

    needs = frozenset({"images"})
    data = dataset_config(
        options.benchmark, options.root, needs, options.split, options.keys, options.sequences, options.set
    )
    samples = data.build()
    keys, stored = list(samples.keys), options.predictions
    files = None if stored is None else server(options.benchmark)
    if files is not None and stored is not None:
        keys = [key for key in keys if (stored / files.name(key)).exists()] or keys[:1]
    rays = rays_for_page(data) if options.rays and stored is not None else None
    frames = []
    for key in tracked(keys[:PAGE_FRAMES], "reading frames", min(len(keys), PAGE_FRAMES)):
        prediction = None if files is None or stored is None else files.read(stored, key)
        frames.append(frame_of(samples[key], prediction, data, rays))
    results = [Result.load(path) for path in options.results]
    page, picture = write_views(options.out, frames, str(options.root), results)
    print(f"page: {page}\npicture: {picture}")
