"""MonoOcc's claims on the synthetic world: what each part of the paper's ablation (Table II) adds.

A small student with and without the 2D semantic loss, image-conditioned attention and a teacher that looks at three
frames, three seeds each, scored on held-out streets. Every run takes the same number of steps. Nothing is tuned on the
held-out streets. Finished runs are kept; a stopped bench continues.

    python bench/monoocc_claims.py                     all runs, three seeds; about an hour on two free cores
    python bench/monoocc_claims.py --table             only the table of what is there
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from claims import finish, mean_and_spread, options, train_and_score

from voxway.engine.teaching.network import NetworkTeacherConfig
from voxway.recipes.monoocc import monoocc_world, monoocc_world_teacher, with_parts
from voxway.recipes.recipe import Recipe
from voxway.world.layouts.semantickitti import semantickitti_world

ROWS = {
    "teacher": None,
    "baseline": (False, False, False),
    "semantic loss": (True, False, False),
    "image-conditioned attention": (False, False, True),
    "distillation": (False, True, False),
    "all": (True, True, True),
}
"""Parts of each row: 2D semantic loss, teacher, image-conditioned attention."""
FORMS = ("published", "softmax", "squared")


@dataclass(frozen=True)
class Job:
    """One training run and its score."""

    out: Path
    row: str
    seed: int
    steps: int
    form: str

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.out / f"{self.row.replace(' ', '-')}-seed{self.seed}"

    def recipe(self) -> Recipe:
        """What is trained."""
        world, parts = self.out / "world", ROWS[self.row]
        chosen = monoocc_world_teacher(world) if parts is None else with_parts(monoocc_world(world), *parts)
        method = replace(chosen.method, distillation=self.form)
        chosen = replace(chosen, method=method, train=replace(chosen.train, steps=self.steps, seed=self.seed))
        if chosen.taught:
            chosen = replace(chosen, teacher=NetworkTeacherConfig(model=replace(self, row="teacher").folder / "model"))
        return chosen


def run_job(job: Job) -> Path:
    """Train and score; a student waits for its teacher."""
    chosen = job.recipe()
    wait_for = replace(job, row="teacher").folder / "result.json" if chosen.taught else None
    return train_and_score(chosen, job.folder, wait_for)


def main() -> None:
    """Run what is missing, print the table."""
    parser = options(__doc__, "runs/monoocc-claims", seeds=3)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--form", choices=FORMS, default="squared", help="of the distillation")
    asked = parser.parse_args()
    plan = [Job(asked.out, row, seed, asked.steps, asked.form) for seed in range(asked.seeds) for row in ROWS]
    if not asked.table:
        from voxway.world import generate

        generate(asked.out / "world", semantickitti_world(120, 24, seed=100))
        finish(run_job, [job for job in plan if not (job.folder / "result.json").exists()], asked.processes)
    print("| network | runs | mIoU | IoU |\n| --- | --- | --- | --- |")
    for row in ROWS:
        found = mean_and_spread([job.folder for job in plan if job.row == row])
        if found is not None:
            runs, _, miou, iou = found
            print(f"| {row} | {runs} | {miou} | {iou} |")


if __name__ == "__main__":
    main()
