"""Write voxel labels, as `voxway prepare occupancy` makes them, in the files of a benchmark. Resumable, divisible.

  semantickitti   sequences/SS/voxels/FFFFFF.label .bin .invalid .occluded
  occ3d           gts/SCENE/SAMPLE/labels.npz: semantics, mask_lidar, mask_camera
  openocc         openocc_v2/SCENE/SAMPLE/labels.npz: semantics
  surroundocc     surroundocc/samples/SCAN.npy: rows x, y, z, label
  openoccupancy   nuScenes-Occupancy-v0.1/scene_TOKEN/occupancy/LIDAR.npy: rows z, y, x, label
  uniocc          SCENE/NUMBER.npz
Names are nuScenes' own where labels were made of nuScenes, else drive and frame.
Labels must lie on the benchmark's grid. Those in the vehicle's frame (x ahead) are turned for surroundocc and
openoccupancy, whose x is to the right.

examples:
  voxway labels labels --as semantickitti --out KITTI
  voxway labels labels --as occ3d --out nuscenes --classes names.json
  voxway labels labels --as surroundocc --unknown --out nuscenes --shard 0/8
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from voxway.cli.options import Out


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write voxel labels in the files of a benchmark."""

    labels: tyro.conf.Positional[Path]
    """Folder with the labels, DRIVE/labels/FRAME.npz, or one of its drives."""
    form: Annotated[str, tyro.conf.arg(name="as", metavar="NAME")]
    """Whose files to write; a wrong name is answered with the list."""
    out: Out
    """Folder in which the benchmark's tree begins."""
    unknown: bool = False
    """List voxels of which nothing is known, where the files would otherwise say that they are free: with label 255
    for surroundocc and openocc, as noise for openoccupancy."""
    classes: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """JSON file that says what classes are in the benchmark, such as {"car": "vehicle", "thing": null}; null: something
    without a class. Classes that it does not name keep their names."""
    shard: str = "0/1"
    """i/N: do every N-th frame, beginning with the i-th."""


def run(options: Options) -> None:
    """Write them."""
    from voxway.data.label_format import LabelOptions
    from voxway.prepare.label_files import class_names, label_job
    from voxway.prepare.runner import parse_shard, run

    shard = parse_shard(options.shard)
    names = {} if options.classes is None else class_names(options.classes)
    job = label_job(options.labels, options.form, options.out, LabelOptions(unknown=options.unknown, classes=names))
    made = run(job, shard=shard)
    print(f"{made} frames written to {options.out}")
    if remark := job.remark():
        print(remark)
