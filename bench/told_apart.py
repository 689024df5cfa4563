"""Whether streets in the shifted style tell which network a real street will confuse, where usual held-out ones do not.

    python bench/imagenet.py --whole --forms today "frozen norms" --real KITTI --out NETWORKS
    voxway world --layout rigs --shifted --full-size --out SHIFTED --train 1 --val 40 --sequences 80
    python bench/told_apart.py NETWORKS/whole/*/model --shifted SHIFTED --real KITTI

Networks of SemanticKITTI's task look through the first camera of every rig that has a LiDAR, from which their query
proposals are made; the truth is said on their grid in their classes. Pictures are shown as recorded, in whatever size
they have, as these networks saw them before training noted its focal length; and once more scaled to that length.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from box_scores import SCANNED, Scores

from voxway.api.load import load
from voxway.api.model import Model
from voxway.core.files import read_json
from voxway.core.occupancy import Occupancy
from voxway.core.progress import tracked
from voxway.core.resample import resampled
from voxway.core.sample import Sample
from voxway.data import registry
from voxway.data.drives.config import DrivesConfig
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.street import from_street, rise_m

DATASET = "semantickitti"

Shown = tuple[str, str]
"""A network's folder, and whether pictures are as recorded or scaled."""


def shifted_frames(root: Path) -> Iterator[tuple[Sample, Occupancy]]:
    """What the first camera and the LiDAR of each frame see, in SemanticKITTI's ego frame, and its truth there."""
    task, table, rise = registry.benchmark(DATASET).task, from_street(DATASET), rise_m(DATASET)
    down = torch.eye(4, dtype=torch.float64)
    down[2, 3] = -rise
    samples = DrivesConfig(root=root, split="val", needs=frozenset({"images", "points", "target"})).build()
    for key in tracked(samples.keys, "shifted", len(samples), show=True):
        one = samples[key]
        if one.points is None or not len(one.points):
            continue
        assert one.images is not None and one.cameras is not None
        points = one.points.clone()
        points[:, 2] -= rise
        seen = Sample(
            key=key, grid=task.grid, images=one.images[:1], cameras=one.cameras[:1].move_ego(down), points=points
        )
        yield seen, resampled(samples.truth(key), table, rise)


def real_frames(root: Path) -> Iterator[tuple[Sample, Occupancy]]:
    """KITTI's frames with a scan, and what is certain of them."""
    needs = frozenset({"images", "points", "target"})
    samples = SemanticKITTIConfig(root=root, targets=root / "derived", keys=SCANNED, needs=needs).build()
    for key in samples.keys:
        yield samples[key], samples.truth(key)


def compared(
    models: dict[tuple[str, str], Model], frames: Iterator[tuple[Sample, Occupancy]]
) -> dict[tuple[str, str], Scores]:
    """Scores of all networks on the same frames."""
    scores = {name: Scores(registry.benchmark(DATASET)) for name in models}
    for sample, truth in frames:
        for name, model in models.items():
            scores[name].update(truth, replace(model.predict(sample), logits=None), None)
    return scores


def as_recorded(model: Model) -> Model:
    """The same, shown pictures in the size that they have."""
    return replace(model, data=replace(model.data, focal_px=None))


def main() -> None:
    """Print a row for each network."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("models", type=Path, nargs="+", help="folders of networks of SemanticKITTI's task")
    options.add_argument("--shifted", type=Path, required=True, help="a world in the shifted style, for its split val")
    options.add_argument("--real", type=Path, required=True, help="folder with KITTI's sequences and `derived`")
    chosen = options.parse_args()
    noted = {str(folder): load(folder) for folder in chosen.models}
    models = {(name, "as recorded"): as_recorded(model) for name, model in noted.items()}
    models |= {(name, "scaled"): model for name, model in noted.items()}
    places = {"shifted": shifted_frames(chosen.shifted), "real": real_frames(chosen.real)}
    found = {place: compared(models, frames) for place, frames in places.items()}
    print("| network | held out: IoU, mIoU | pictures | shifted: IoU, mIoU | real: IoU, mIoU |")
    print("| --- | --- | --- | --- | --- |")
    for name, pictures in models:
        usual = read_json(Path(name).parent / "result.json", "")["scores"]
        cells = [(usual["iou"], usual["miou"])]
        for scores in found.values():
            whole = next(iter(scores[name, pictures].results().values()))
            cells.append((whole.iou, whole.miou))
        first, *others = (f"{100 * iou:.1f}, {100 * miou:.1f}" for iou, miou in cells)
        print(f"| {Path(name).parent.name} | {first} | {pictures} | {' | '.join(others)} |")


if __name__ == "__main__":
    main()
