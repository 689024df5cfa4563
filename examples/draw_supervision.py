"""Draw over a frame's images what teaches OccLE where there are no voxel labels.

    python examples/draw_supervision.py semantickitti world 08/000000 supervision.png
    python examples/draw_supervision.py semantickitti kitti 08/000000 supervision.png --pseudo-labels labels

For every camera, below each other: voxels that LiDAR's rays say are occupied, from red (near) to violet; and the
voxels that the scan hits, in the class that a pseudo-label of a pixel gives them (`--pseudo-labels`: a folder of maps;
without, those of a synthetic world). What stands behind something that the scan hit has no class.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from voxway.api.data import dataset
from voxway.core.sample import EVIDENCE_OCCUPIED, Sample
from voxway.core.task import Task
from voxway.methods.occle.labels import Hidden, lifted_labels
from voxway.methods.occle.supervision import Supervision
from voxway.prepare.ready import ready
from voxway.view.overlay import overlay_points
from voxway.view.png import write_png

FORMS = Supervision()
"""When a voxel is hidden, as in training."""


def read(benchmark: str, root: Path, key: str, labels: Path | None, cache: Path) -> tuple[Sample, Task]:
    """A frame with its evidence and pseudo-labels, which are made where they are missing."""
    needs = frozenset({"images", "points", "evidence", "pseudo_labels"})
    data = dataset(benchmark, root, needs, keys=(key,))
    if labels is not None:
        data = data.with_prepared("pseudo_labels", labels)
    samples = ready(data, {"pseudo_labels": "world"}, cache).build()
    return samples[0], samples.task


def drawn(sample: Sample, task: Task) -> np.ndarray:
    """The picture, RGB."""
    cameras, grid, points = sample.cameras, sample.grid, sample.points[:, :3].double()
    rays = grid.centre((sample.evidence == EVIDENCE_OCCUPIED).nonzero(), torch.float32).numpy()
    place = ((points - points.new_tensor(grid.lower)) / points.new_tensor(grid.cell)).floor().long()
    place = place[((place >= 0) & (place < torch.tensor(grid.shape))).all(1)].unique(dim=0)
    centres = grid.centre(place, torch.float64)
    hidden = Hidden(points, cameras, FORMS.hidden_window, FORMS.hidden_slack_m, FORMS.hidden_slack)
    labels = lifted_labels(centres, sample.pseudo_labels, cameras, hidden)
    rows = []
    for number, picture in enumerate(sample.images):
        image = np.ascontiguousarray(picture.movedim(0, -1).numpy())
        found = overlay_points(image, cameras, centres.float().numpy(), labels=labels.numpy(), task=task, camera=number)
        rows += [overlay_points(image, cameras, rays, camera=number), found]
    return np.concatenate(rows)


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark")
    parser.add_argument("root", type=Path)
    parser.add_argument("key")
    parser.add_argument("out", type=Path)
    parser.add_argument("--pseudo-labels", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory() as cache:
        sample, task = read(options.benchmark, options.root, options.key, options.pseudo_labels, Path(cache))
    write_png(options.out, drawn(sample, task))


if __name__ == "__main__":
    main()
