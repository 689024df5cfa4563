"""VLScene's claims on the synthetic world: language guidance, and the two parts of sparse awareness.

A small VLScene with all parts, and without each of them, on held-out streets. Every seed gives a pair of runs, or a set
of them: the same samples in the same order, the same number of steps. What guides is the stand-in of
`voxway.recipes.teachers.stand_in`: pseudo-labels with a network's errors, so the gain is that of pseudo-labels of
pixels, not of LSeg. Nothing is tuned on the held-out streets. Finished runs are kept; a stopped bench continues.

    python bench/vlscene_claims.py                        what is near (`near.py`), five seeds; an hour on two cores
    python bench/vlscene_claims.py --whole --steps 360 --device cuda --processes 6      the recipe's own size
    python bench/vlscene_claims.py --table                only the table of what is there
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from claims import finish, mean_and_spread, options, paired_difference, train_and_score
from near import nearby

from voxway.methods.shared.depth_bins import DepthBins
from voxway.recipes.recipe import Recipe
from voxway.recipes.vlscene import vlscene_world, with_stand_in

FULL = "all parts"
ROWS = (FULL, "without guidance", "without propagation", "without interaction", "without any of them")
NARROW = {
    "width": 32,
    "head_width": 16,
    "sparse_widths": (16, 24, 32),
    "stereo_features": 16,
    "depth_bins": DepthBins(start=2.0, end=30.0, step=1.0),
}
"""The network for what is near."""


@dataclass(frozen=True)
class Job:
    """One training run and its score."""

    out: Path
    row: str
    seed: int
    steps: int
    whole: bool
    device: str

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.out / f"{self.row.replace(' ', '-')}-seed{self.seed}"

    def recipe(self) -> Recipe:
        """What is trained."""
        chosen = vlscene_world(self.out / "world")
        if not self.whole:
            chosen = nearby(chosen, **NARROW)
        bare = self.row == "without any of them"
        parts = {}
        if bare or self.row == "without propagation":
            parts["propagation"] = 1
        if bare or self.row == "without interaction":
            parts["interaction"] = False
        chosen = replace(chosen, method=replace(chosen.method, **parts))
        if not bare and self.row != "without guidance":
            chosen = with_stand_in(chosen)
        train = replace(chosen.train, steps=self.steps, seed=self.seed, checkpoint_every=self.steps)
        return replace(chosen, train=train)


def run_job(job: Job) -> Path:
    """Train and score."""
    return train_and_score(job.recipe(), job.folder, device=job.device)


def table(plan: list[Job]) -> str:
    """Mean and spread of the finished runs, and what is lost with each part, as Markdown."""
    folders = {row: [job.folder for job in plan if job.row == row] for row in ROWS}
    rows = [
        "| network | runs | mIoU | IoU | mIoU less than with all | IoU less |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        found = mean_and_spread(folders[row])
        if found is None:
            continue
        runs, _, miou, iou = found
        lost = ["", ""]
        if row != FULL:
            pairs = [paired_difference(folders[FULL], folders[row], what) for what in ("miou", "iou")]
            lost = [f"{mean:+.2f} +- {half:.2f} ({count} pairs)" for mean, half, count in pairs]
        rows.append(f"| {row} | {runs} | {miou} | {iou} | {lost[0]} | {lost[1]} |")
    return "\n".join(rows)


def main() -> None:
    """Run what is missing, print the table."""
    parser = options(__doc__, "runs/vlscene-claims", seeds=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--whole", action="store_true", help="the whole volume, and the recipe's own network")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    if asked.whole:
        asked.out /= "whole"  # another task's runs, and prepared files of other voxels
    plan = [
        Job(asked.out, row, seed, asked.steps, asked.whole, asked.device) for seed in range(asked.seeds) for row in ROWS
    ]
    if not asked.table:
        from voxway.prepare.ready import ready
        from voxway.world import generate
        from voxway.world.layouts.semantickitti import semantickitti_world

        generate(asked.out / "world", semantickitti_world(120, 24, seed=100, semantics=True))
        guided = plan[0].recipe()
        assert guided.teacher is not None
        needs = guided.data.needs | guided.teacher.build().inputs
        ready(replace(guided.data, needs=needs), guided.sources)  # once, not by every run
        finish(run_job, [job for job in plan if not (job.folder / "result.json").exists()], asked.processes)
    print(table(plan))


if __name__ == "__main__":
    main()
