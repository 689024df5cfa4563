"""What helps the network of the box where it has never been: each random change is taken away in turn, others added.

A small network of the box learns what is near in streets of random rigs, for as many steps in every row, and is
scored on streets in the shifted style by rigs of their own, with pictures, scans and both; and on real KITTI frames
where their folder is named, from which nothing is chosen. Every seed gives a set of runs. Finished runs are kept; a
stopped bench continues. So short a training sees nothing in pictures; `bench/box_depths.py` tells what helps those.

    python bench/box_randomness.py --real KITTI            three seeds of every row; an hour on two cores
    python bench/box_randomness.py --table                 only the table of what is there
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from box_scores import KINDS, Place, scored
from claims import finish, interval, options, trained

from voxway.api.load import load
from voxway.core.files import read_json, write_json
from voxway.core.grid import VoxelGrid
from voxway.core.progress import tracked
from voxway.core.voxel_labels_file import read_voxel_labels, write_voxel_labels
from voxway.data.drives.config import DrivesConfig
from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.data.street import STREET
from voxway.engine.teaching.average import AverageTeacherConfig
from voxway.methods.box import BoxConfig
from voxway.recipes.box import box_world_small
from voxway.recipes.recipe import Recipe
from voxway.world import generate
from voxway.world.layouts.rigs import RigsWorldConfig, rigs_world
from voxway.world.layouts.rigs.rig import draw_rig
from voxway.world.street.street import random_stream

RECORDINGS, DRIVES, TRIED, SEED = 96, 24, 32, 100
NEAR = replace(STREET, grid=VoxelGrid(lower=(-12.8, -12.8, -1.0), cell=(0.4, 0.4, 0.4), shape=(96, 64, 18)))
"""The street from 12.8 m behind to 25.6 m ahead, and as far to either side: an eighth of its voxels."""
ALL, ONE_RIG, FEW_STREETS = "all of it", "one rig for all drives", "a quarter of the drives"

Change = Callable[[Recipe], Recipe]


def augmented(**changes: object) -> Change:
    """Other random changes of samples."""

    def change(chosen: Recipe) -> Recipe:
        assert chosen.data.augment is not None
        return replace(chosen, data=replace(chosen.data, augment=replace(chosen.data.augment, **changes)))

    return change


def unhidden(chosen: Recipe) -> Recipe:
    """No sensor is hidden in training."""
    assert isinstance(chosen.method, BoxConfig)
    return replace(chosen, method=replace(chosen.method, drop_lidar=0.0, drop_camera=0.0, drop_cameras=0.0))


def taught(chosen: Recipe) -> Recipe:
    """By the average of its own weights, from which no sensor is hidden."""
    return replace(chosen, teacher=AverageTeacherConfig(decay=0.99))


def slow_head(chosen: Recipe) -> Recipe:
    """The head learns at the rate of the rest."""
    return replace(chosen, train=replace(chosen.train, rate_factors={}))


def few_streets(chosen: Recipe) -> Recipe:
    """The first drives alone."""
    return replace(chosen, data=replace(chosen.data, drives=tuple(f"train-{n:04d}" for n in range(DRIVES // 4))))


ROWS: dict[str, Change] = {
    ALL: lambda chosen: chosen,
    "pictures as taken": augmented(photometric=None),
    "no mirrors, turns and crops": augmented(scale=(0.0, 0.0), flip=0.0, rotation_deg=(0.0, 0.0), flip_y=0.0),
    "front and back change places, too": augmented(flip_x=0.5),
    "all points of a scan": augmented(points=(1.0, 1.0)),
    "no sensor hidden": unhidden,
    "taught by its average, which sees all": taught,
    ONE_RIG: lambda chosen: chosen,
    FEW_STREETS: few_streets,
    "the head learns no faster": slow_head,
}


def world(alike: bool) -> RigsWorldConfig:
    """Streets to learn from, by rigs of their own or all by the same: one camera, and a LiDAR."""
    usual = rigs_world(RECORDINGS, 1, DRIVES, SEED)
    if not alike:
        return usual
    for name in usual.names:
        rig = draw_rig(random_stream(SEED, name, "rig", 0), usual.width_px, usual.columns)
        if len(rig.cameras) == 1 and rig.lidar is not None:
            return RigsWorldConfig(seed=SEED, drives=usual.drives, rig_of=name)
    raise AssertionError("no drive has one camera and a LiDAR")


def narrowed(root: Path) -> None:
    """Cut what is near out of a world's labels, once."""
    x, y = (round((near - low) / 0.4) for near, low in zip(NEAR.grid.lower[:2], STREET.grid.lower))
    width, across = NEAR.grid.shape[:2]
    paths = sorted(root.glob("*/labels/*.npz"))
    for path in tracked(paths, "near", len(paths)):
        labels = read_voxel_labels(path)
        if labels.task.grid == NEAR.grid:
            continue
        names = [name for name in labels.volumes() if not name.startswith("camera_")]
        cut = {name: getattr(labels, name)[x : x + width, y : y + across] for name in names}
        write_voxel_labels(path, replace(labels, task=replace(labels.task, grid=NEAR.grid), cameras={}, **cut))


def write_worlds(out: Path, processes: int) -> None:
    """Streets to learn from, by unlike rigs (`world`) and by one (`one-rig`), and `shifted` ones to try."""
    generate(out / "world", world(alike=False), processes=processes)
    generate(out / "one-rig", world(alike=True), processes=processes)
    generate(out / "shifted", rigs_world(1, TRIED, TRIED, SEED + 1, shifted=True), processes=processes)
    for name in ("world", "one-rig", "shifted"):
        narrowed(out / name)


@dataclass(frozen=True)
class Job:
    """One training run and its scores."""

    out: Path
    row: str
    seed: int
    steps: int
    real: Path | None

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.out / f"{self.row.replace(' ', '-').replace(',', '')}-seed{self.seed}"

    @property
    def scores(self) -> Path:
        """IoU and mIoU by place and by what was shown, 0..1."""
        return self.folder / "scores.json"

    def recipe(self) -> Recipe:
        """What is trained."""
        chosen = box_world_small(self.out / ("one-rig" if self.row == ONE_RIG else "world")).stages["all"]
        train = replace(chosen.train, steps=self.steps, seed=self.seed, checkpoint_every=self.steps)
        method, data = replace(chosen.method, task=NEAR), replace(chosen.data, task=NEAR)
        return ROWS[self.row](replace(chosen, method=method, data=data, train=train))

    def places(self) -> dict[str, Place]:
        """Where it is tried."""
        needs = frozenset({"images", "points", "target"})
        shifted = DrivesConfig(root=self.out / "shifted", split="val", needs=needs, task=NEAR)
        found = {"shifted": Place(shifted, "own", NEAR)}
        if self.real is not None:
            keys = tuple(path.stem.replace("_", "/") for path in sorted((self.real / "derived").glob("*.npz")))
            common: dict[str, Any] = {"root": self.real, "targets": self.real / "derived", "keys": keys}
            pictures = SemanticKITTIConfig(needs=frozenset({"images", "target"}), **common)
            found["real"] = Place(pictures, "semantickitti", NEAR)
        return found


def run_job(job: Job) -> Path:
    """Train and score."""
    model = load(trained(job.recipe(), job.folder))
    found = {}
    for name, place in job.places().items():
        for kind in KINDS if name == "shifted" else ("pictures",):
            scores = scored(place, model, kind, None)
            assert scores is not None
            whole = next(iter(scores.results().values()))
            found[f"{name}, {kind}"] = {"iou": whole.iou, "miou": whole.miou}
    write_json(job.scores, found)
    return job.folder


def table(plan: Sequence[Job]) -> str:
    """Means of what has it all, and what each row differs by from it, as Markdown: IoU / mIoU, points of %."""
    done = {(job.row, job.seed): read_json(job.scores, "") for job in plan if job.scores.exists()}
    columns = list(next(iter(done.values()), {}))
    rows = [f"| | runs | {' | '.join(columns)} |", f"|{' --- |' * (2 + len(columns))}"]
    for row in ROWS:
        seeds = [seed for of, seed in done if of == row and (ALL, seed) in done]
        cells = []
        for column in columns if seeds else ():
            own, whole = (
                100 * np.array([[done[of, seed][column][what] for seed in seeds] for what in ("iou", "miou")])
                for of in (row, ALL)
            )
            if row == ALL:
                cells.append(" / ".join(f"{values.mean():.1f}" for values in own))
            else:
                cells.append(" / ".join("{:+.1f} +- {:.1f}".format(*interval(values)) for values in own - whole))
        if cells:
            rows.append(f"| {row} | {len(seeds)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Run what is missing, print the table."""
    parser = options(__doc__, "runs/box-randomness", seeds=3)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS), help="all if not given")
    parser.add_argument("--real", type=Path, help="folder with KITTI's frames and `derived`, to score on besides")
    asked = parser.parse_args()
    plan = [Job(asked.out, row, seed, asked.steps, asked.real) for seed in range(asked.seeds) for row in asked.rows]
    if not asked.table:
        write_worlds(asked.out, asked.processes)
        finish(run_job, [job for job in plan if not job.scores.exists()], asked.processes)
    print(table(plan))


if __name__ == "__main__":
    main()
