"""OccLE's claims on the synthetic world: what a share of the voxel labels keeps, and what each part adds to it.

A small OccLE learns streets of which 1, 5, 10, 20 or all of 100 frames keep their voxel labels, and is scored on
held-out ones. Beside it stands the same network that learns from the labelled frames alone, for as many steps as the
three stages have together. At 10 % each part is taken away, or another put in its place. Every seed gives a set of
runs: the same samples in the same order. Pseudo-labels are the world's own with a network's errors. Nothing is tuned on
the held-out streets. Finished runs are kept; a stopped bench continues.

    python bench/occle_claims.py                          what is near (`near.py`); hours on two cores
    python bench/occle_claims.py --rows shares            the shares alone; or parts
    python bench/occle_claims.py --whole --device cuda --processes 3      the recipe's own size
    python bench/occle_claims.py --table                  only the table of what is there
    python bench/occle_claims.py --plot shares.svg        the curve of the shares, with the public anchors
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from claims import finish, mean_and_spread, options, paired_difference, train_and_score
from curves import drawn
from near import nearby

from voxway.engine.teaching.average import AverageTeacherConfig
from voxway.methods.occle import OccLEConfig
from voxway.methods.occle.voxels import VoxelConfig
from voxway.recipes.occle import occle_world
from voxway.recipes.recipe import Recipe, StagedRecipe

FRAMES, HELD_OUT = 100, 24
SHARES = ("1/100", "1/20", "1/10", "1/5", "1")
TENTH = "1/10"
HEADLINE = (TENTH, "1")
"""Shares that get more seeds than other rows."""
FULL, ALONE = "all parts", "labels alone"

Change = Callable[[Recipe], Recipe]

ANCHORS = {
    "OccFormer, labels only": (6.59, 9.16, 10.45, None, 14.08),
    "OccFormer + VFG-SSC": (9.40, 11.73, 12.38, None, None),
    "VoxFormer, labels only": (6.35, 9.56, 10.52, None, 14.40),
    "VoxFormer + VFG-SSC": (9.32, 11.15, 12.19, None, None),
}
"""mIoU at the same shares on SemanticKITTI, camera only (project page of VFG-SSC, AAAI 2025): another dataset."""


def supervised(**changes: object) -> Change:
    """Other weights or forms of the losses."""

    def change(stage: Recipe) -> Recipe:
        assert isinstance(stage.method, OccLEConfig)
        forms = replace(stage.method.supervision, **changes)
        return replace(stage, method=replace(stage.method, supervision=forms))

    return change


def built(part: str, **changes: object) -> Change:
    """Another form of a part of the network."""

    def change(stage: Recipe) -> Recipe:
        other = replace(getattr(stage.method, part), **changes)
        return replace(stage, method=replace(stage.method, **{part: other}))

    return change


def narrow(stage: Recipe) -> Recipe:
    """What is near, with half as many channels."""
    method = stage.method
    assert isinstance(method, OccLEConfig)
    semantic = replace(
        method.semantic,
        image=replace(method.semantic.image, base=64, width=16),
        voxels=VoxelConfig(widths=(8,)),
        widths=(12, 16, 24),
        header=16,
    )
    geometry = replace(
        method.geometry, voxels=VoxelConfig(widths=(8,), max_points=5), widths=(8, 12, 16), head_width=16
    )
    fusion = replace(method.fusion, inner=32)
    return nearby(stage, width=16, head_width=16, semantic=semantic, geometry=geometry, fusion=fusion)


def averaged(stage: Recipe) -> Recipe:
    """With the student's own moving average as a teacher of frames without labels."""
    assert isinstance(stage.method, OccLEConfig)
    return stage if stage.method.stage == "semantic" else replace(stage, teacher=AverageTeacherConfig())


def both(*changes: Change) -> Change:
    """One change after another."""

    def change(stage: Recipe) -> Recipe:
        for one in changes:
            stage = one(stage)
        return stage

    return change


NO_PSEUDO_LABELS = supervised(projection=0.0, semantic_share=0.0, predicted_labels=0.0)
NO_RAYS = supervised(evidence=0.0, predicted_evidence=0.0, predicted_labels=0.0)
PARTS: dict[str, Change] = {
    "without pseudo-labels": NO_PSEUDO_LABELS,
    "without projection": supervised(projection=0.0),
    "projection of all on a ray": supervised(projection_mode="sum"),
    "without LiDAR's rays": NO_RAYS,
    "LiDAR's rays for the geometry alone": supervised(predicted_evidence=0.0, predicted_labels=0.0),
    "mean teacher besides": averaged,
    "mean teacher in place of the rays": both(averaged, NO_RAYS),
    "geometry from images": built("geometry", join="image"),
    "geometry from LiDAR": built("geometry", join="lidar"),
    "concatenation for cross-plane": built("geometry", join="concat"),
    "convolution for Dual Mamba": built("fusion", kind="conv"),
}
"""What is changed in every stage, at 10 %."""


@dataclass(frozen=True)
class Job:
    """One training run and its score."""

    out: Path
    row: str
    share: str
    seed: int
    scale: float
    whole: bool
    device: str

    @property
    def folder(self) -> Path:
        """Of the run."""
        return (
            self.out / f"{self.row.replace(' ', '-').replace(',', '')}-{self.share.replace('/', 'of')}-seed{self.seed}"
        )

    def recipe(self) -> Recipe | StagedRecipe:
        """What is trained."""
        chosen = occle_world(self.out / "world", None if self.share == "1" else self.share)
        if not self.whole:
            chosen = StagedRecipe(stages={name: narrow(stage) for name, stage in chosen.stages.items()})
        stages = {name: self._timed(stage, stage.train.steps) for name, stage in chosen.stages.items()}
        if self.row in PARTS:
            stages = {name: PARTS[self.row](stage) for name, stage in stages.items()}
        if self.row == "without pseudo-labels":
            semantic = stages.pop("semantic")
            steps = semantic.train.steps + stages["geometry"].train.steps
            stages["geometry"] = replace(stages["geometry"], train=replace(stages["geometry"].train, steps=steps))
        if self.row == ALONE:
            last = both(NO_PSEUDO_LABELS, NO_RAYS)(stages["all"])
            steps = sum(stage.train.steps for stage in chosen.stages.values())
            return self._timed(replace(last, train=replace(last.train, labelled_visits="1")), steps)
        return StagedRecipe(stages=stages)

    def _timed(self, stage: Recipe, steps: int) -> Recipe:
        steps = round(steps * self.scale)
        train = replace(stage.train, steps=steps, seed=self.seed, checkpoint_every=steps)
        return replace(stage, train=train)


def run_job(job: Job) -> Path:
    """Train and score."""
    return train_and_score(job.recipe(), job.folder, device=job.device)


def planned(asked: argparse.Namespace) -> list[Job]:
    """All runs, seed by seed."""
    shares = [(row, share) for share in SHARES for row in (FULL, ALONE)] if "shares" in asked.rows else []
    parts = [(row, TENTH) for row in (FULL, *PARTS)] if "parts" in asked.rows else []
    rows = dict.fromkeys([*shares, *parts])
    return [
        Job(asked.out, row, share, seed, asked.scale, asked.whole, asked.device)
        for seed in range(asked.seeds)
        for row, share in rows
        if seed < asked.other_seeds or (row in (FULL, ALONE) and share in HEADLINE)
    ]


def folders(plan: list[Job], row: str, share: str) -> list[Path]:
    """Of the runs of a row, by seed."""
    return [job.folder for job in plan if (job.row, job.share) == (row, share)]


def shares_table(plan: list[Job]) -> str:
    """Mean and spread for every share, and what it keeps of all labels, as Markdown."""
    rows = [
        "| labelled | learns from | runs | mIoU | IoU | mIoU kept | mIoU more than labels alone |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for share in SHARES:
        for row in (FULL, ALONE):
            found, whole = mean_and_spread(folders(plan, row, share)), mean_and_spread(folders(plan, FULL, "1"))
            if found is None:
                continue
            runs, mean, miou, iou = found
            kept = "" if whole is None else f"{100 * mean / whole[1]:.0f} %"
            more = paired(folders(plan, FULL, share), folders(plan, ALONE, share)) if row == FULL else ""
            rows.append(f"| {100 * Fraction(share)} % | {row} | {runs} | {miou} | {iou} | {kept} | {more} |")
    return "\n".join(rows)


def parts_table(plan: list[Job]) -> str:
    """What every part adds at 10 %, as Markdown."""
    rows = [
        "| at 10 % | runs | mIoU | IoU | mIoU against all parts | IoU against |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    whole = folders(plan, FULL, TENTH)
    for row in (FULL, *PARTS):
        own = folders(plan, row, TENTH)
        found = mean_and_spread(own)
        if found is None:
            continue
        against = ["", ""] if row == FULL else [paired(own, whole), paired(own, whole, "iou")]
        rows.append(f"| {row} | {found[0]} | {found[2]} | {found[3]} | {against[0]} | {against[1]} |")
    return "\n".join(rows)


def paired(own: list[Path], others: list[Path], what: str = "miou") -> str:
    """A difference with the interval of its mean, of the seeds that both rows have."""
    mean, half, count = paired_difference(own, others, what)
    return f"{mean:+.2f} +- {half:.2f} ({count} pairs)" if count else ""


def curve(plan: list[Job]) -> str:
    """mIoU over the share of labels, ours on the world and others' on SemanticKITTI, as a drawing (SVG)."""
    lines = {
        f"ours, {row} (synthetic world)": [
            None if found is None else found[1] for found in (mean_and_spread(folders(plan, row, s)) for s in SHARES)
        ]
        for row in (FULL, ALONE)
    }
    lines |= {f"{name} (SemanticKITTI)": list(values) for name, values in ANCHORS.items()}
    columns = [f"{100 * Fraction(share)} %" for share in SHARES]
    return drawn(lines, columns, across="labelled", up="mIoU", dashed=frozenset(lines) - set(list(lines)[:2]))


def main() -> None:
    """Run what is missing, print the tables."""
    parser = options(__doc__, "runs/occle-claims", seeds=5, counted="of what a tenth and all labels teach")
    parser.add_argument("--rows", nargs="+", choices=("shares", "parts"), default=("shares", "parts"))
    parser.add_argument("--scale", type=float, default=0.5, help="times the recipe's steps")
    parser.add_argument("--other-seeds", type=int, default=3, help="of every other row")
    parser.add_argument("--whole", action="store_true", help="the whole volume, and the recipe's own network")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--plot", type=Path, help="draw the shares' curve into this SVG file, and train nothing")
    asked = parser.parse_args()
    if asked.whole:
        asked.out /= "whole"  # another task's runs, and prepared files of other voxels
    plan = planned(asked)
    if asked.plot is not None:
        asked.plot.write_text(curve(plan))
    elif not asked.table:
        from voxway.prepare.ready import ready
        from voxway.world import generate
        from voxway.world.layouts.semantickitti import semantickitti_world

        generate(asked.out / "world", semantickitti_world(FRAMES, HELD_OUT, seed=100, semantics=True))
        whole = Job(asked.out, FULL, "1", 0, asked.scale, asked.whole, "cpu").recipe()
        assert isinstance(whole, StagedRecipe)
        for stage in whole.stages.values():
            ready(stage.data, stage.sources)  # once, not by every run
        finish(run_job, [job for job in plan if not (job.folder / "result.json").exists()], asked.processes)
    tables = {"shares": shares_table, "parts": parts_table}
    print(*(tables[rows](plan) for rows in asked.rows), sep="\n\n")


if __name__ == "__main__":
    main()
