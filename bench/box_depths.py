"""What helps the cameras of the box where they have never been: each random change is taken away in turn, others added.

The camera branch of the box, at its size and from ImageNet's weights, learns alone in streets of random rigs, for as
many steps in every row, and is tried on streets in the shifted style by rigs of their own: of feature pixels
that see what stands half a metre and more above the road, at how many is the likeliest depth within a quarter of the
measured one? Every seed gives a set of runs. Finished runs are kept; a stopped bench continues.

    python bench/box_depths.py                             three seeds of every row; two hours on two cores
    python bench/box_depths.py --table                     only the table of what is there
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from box_randomness import ALL, FEW_STREETS, NEAR, ONE_RIG, Change, augmented, few_streets, write_worlds
from claims import finish, interval, options, trained

from voxway.api.load import load
from voxway.core.files import read_json, write_json
from voxway.core.sample import collate
from voxway.data.drives.config import DrivesConfig
from voxway.methods.box import BoxConfig
from voxway.methods.box.model import BoxNetwork
from voxway.methods.box.pixels import nearest_points
from voxway.recipes.box import box_world
from voxway.recipes.recipe import Recipe

RIGHT, STANDS_M = 0.25, 0.5


def group_norms(chosen: Recipe) -> Recipe:
    """Norms of the image backbone that keep no statistics."""
    assert isinstance(chosen.method, BoxConfig)
    return replace(chosen, method=replace(chosen.method, norm="group"))


def from_nothing(chosen: Recipe) -> Recipe:
    """No ImageNet weights, hence other norms and a full rate."""
    assert isinstance(chosen.method, BoxConfig)
    method = replace(chosen.method, norm="group", pretrained=False)
    return replace(chosen, method=method, train=replace(chosen.train, rate_factors={}))


def depths_alone(chosen: Recipe) -> Recipe:
    """Feature pixels learn how far away it is what they show, but not what it is."""
    assert isinstance(chosen.method, BoxConfig)
    return replace(chosen, method=replace(chosen.method, pixel_weight=0.0))


ROWS: dict[str, Change] = {
    ALL: lambda chosen: chosen,
    "pictures as taken": augmented(photometric=None),
    "no mirrors, turns and crops": augmented(scale=(0.0, 0.0), flip=0.0, rotation_deg=(0.0, 0.0), flip_y=0.0),
    ONE_RIG: lambda chosen: chosen,
    FEW_STREETS: few_streets,
    "group norms": group_norms,
    "no ImageNet weights": from_nothing,
    "no classes of pixels": depths_alone,
}


@dataclass(frozen=True)
class Job:
    """One training run and its score."""

    out: Path
    row: str
    seed: int
    steps: int

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.out / f"depths-{self.row.replace(' ', '-').replace(',', '')}-seed{self.seed}"

    @property
    def score(self) -> Path:
        """Share of depths that are right, 0..1."""
        return self.folder / "score.json"

    def recipe(self) -> Recipe:
        """What is trained."""
        chosen = box_world(self.out / ("one-rig" if self.row == ONE_RIG else "world")).stages["camera"]
        schedule = replace(chosen.train.schedule, warmup_steps=self.steps // 10)
        train = replace(
            chosen.train,
            steps=self.steps,
            batch=1,
            seed=self.seed,
            checkpoint_every=self.steps,
            average_decay=None,
            schedule=schedule,
        )
        method, data = replace(chosen.method, task=NEAR), replace(chosen.data, task=NEAR)
        return ROWS[self.row](replace(chosen, method=method, data=data, train=train))


def run_job(job: Job) -> Path:
    """Train and score."""
    network = load(trained(job.recipe(), job.folder)).network
    assert isinstance(network, BoxNetwork)
    needs = frozenset({"images", "depth"})
    shown = DrivesConfig(
        root=job.out / "shifted",
        split="val",
        needs=needs,
        task=NEAR,
        image_px=(256, 480),
        depth_range_m=(1.0, 53.0),
    )
    right, seen = depths_right(network, shown)
    write_json(job.score, {"right": right / seen, "pixels": seen})
    return job.folder


def depths_right(network: BoxNetwork, data: DrivesConfig) -> tuple[int, int]:
    """Feature pixels that see something standing, whose likeliest depth is right; and all such pixels."""
    config, samples = network.config, data.build()
    right = seen = 0
    for key in samples.keys:
        batch = collate([samples[key]])
        with torch.no_grad():
            said = network(batch)
        if "depth" not in said.intermediates:
            continue
        points, metres = nearest_points(batch.need("depth"), batch.need("cameras"), config.reductions[0])
        likeliest = network.camera.depths[said.each("depth")[0].argmax(1)]
        stands = metres[0].isfinite() & (metres[0] < config.depth_bins.end)
        stands &= points[0, ..., 2] > config.road_m + STANDS_M
        right += int((((likeliest - metres[0]).abs() < RIGHT * metres[0]) & stands).sum())
        seen += int(stands.sum())
    return right, seen


def table(plan: Sequence[Job]) -> str:
    """Shares of right depths (%), and what each row differs by from what has it all, as Markdown."""
    done = {(job.row, job.seed): 100 * read_json(job.score, "")["right"] for job in plan if job.score.exists()}
    rows = ["| | runs | right depths, % | differs by |", "| --- | --- | --- | --- |"]
    for row in ROWS:
        seeds = [seed for of, seed in done if of == row and (ALL, seed) in done]
        if seeds:
            own, whole = (np.array([done[of, seed] for seed in seeds]) for of in (row, ALL))
            differs = "" if row == ALL else "{:+.1f} +- {:.1f}".format(*interval(own - whole))
            rows.append(f"| {row} | {len(seeds)} | {own.mean():.1f} | {differs} |")
    return "\n".join(rows)


def main() -> None:
    """Run what is missing, print the table."""
    parser = options(__doc__, "runs/box-randomness", seeds=3)
    parser.add_argument(
        "--steps", type=int, default=1500, help="of one drive each; after 300 of them it does not see yet"
    )
    asked = parser.parse_args()
    plan = [Job(asked.out, row, seed, asked.steps) for seed in range(asked.seeds) for row in ROWS]
    if not asked.table:
        write_worlds(asked.out, asked.processes)
        finish(run_job, [job for job in plan if not job.score.exists()], asked.processes)
    print(table(plan))


if __name__ == "__main__":
    main()
