"""EFFOcc's claims on the synthetic world: few labels, distillation, and what each sensor adds.

Small siblings of the published networks learn the streets of 20 scenes and are scored on 5 others that they never see:
the fusion network, LiDAR alone and cameras alone on the labelled scenes, and the camera network that follows the fusion
network of the same share of labels on all scenes. Every run takes the same number of steps. Nothing is tuned on the
held-out streets. Finished runs are kept; a stopped bench continues.

    python bench/effocc_claims.py                      all runs, three seeds; about an hour on two free cores
    python bench/effocc_claims.py --table              only the table of what is there
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from claims import finish, mean_and_spread, options, train_and_score

from voxway.engine.teaching.network import NetworkTeacherConfig
from voxway.recipes.effocc import camera_world, fusion_world, lidar_world, student_world
from voxway.recipes.recipe import Recipe

SCENES, HELD_OUT, FRAMES = 20, 5, 6
SHARES = (100, 40, 10)
NETWORKS: dict[str, Callable[..., Recipe]] = {
    "fusion": fusion_world,
    "lidar": lidar_world,
    "camera": camera_world,
    "student": student_world,
}


@dataclass(frozen=True)
class Job:
    """One training run and its score."""

    out: Path
    network: str
    share: int
    seed: int
    steps: int

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.out / f"{self.network}-{self.share}-seed{self.seed}"

    @property
    def teacher(self) -> Path:
        """Folder of the fusion network of the same share and seed."""
        return replace(self, network="fusion").folder

    def recipe(self) -> Recipe:
        """What is trained."""
        labelled = None if self.share == 100 else SCENES * self.share // 100
        chosen = NETWORKS[self.network](self.out / "world", labelled)
        if self.network == "student":
            chosen = replace(chosen, teacher=NetworkTeacherConfig(model=self.teacher / "model"))
        return replace(chosen, train=replace(chosen.train, steps=self.steps, seed=self.seed))


def run_job(job: Job) -> Path:
    """Train and score; a student waits for its teacher."""
    wait_for = job.teacher / "result.json" if job.network == "student" else None
    return train_and_score(job.recipe(), job.folder, wait_for)


def table(jobs: list[Job]) -> str:
    """Mean and spread of the finished runs, as Markdown."""
    rows = ["| network | labelled scenes | runs | mIoU | IoU | mIoU kept |", "| --- | --- | --- | --- | --- | --- |"]
    means: dict[tuple[str, int], float] = {}
    for network in NETWORKS:
        for share in SHARES:
            found = mean_and_spread([j.folder for j in jobs if (j.network, j.share) == (network, share)])
            if found is None:
                continue
            runs, means[network, share], miou, iou = found
            kept = 100 * means[network, share] / means.get((network, 100), float("nan"))
            rows.append(f"| {network} | {share} % | {runs} | {miou} | {iou} | {kept:.0f} % |")
    if ("student", 40) in means and ("camera", 100) in means:
        kept = 100 * means["student", 40] / means["camera", 100]
        rows.append(f"\nStudent with 40 % of the labels against cameras alone with all of them: {kept:.1f} %.")
    return "\n".join(rows)


def main() -> None:
    """Run what is missing, print the table."""
    parser = options(__doc__, "runs/claims", seeds=3)
    parser.add_argument("--steps", type=int, default=220)
    asked = parser.parse_args()
    plan = [
        Job(asked.out, network, share, seed, asked.steps)
        for seed in range(asked.seeds)
        for network in NETWORKS
        for share in SHARES
        if network != "lidar" or share == 100
    ]
    if not asked.table:
        from voxway.world import generate
        from voxway.world.layouts.nuscenes import nuscenes_world

        generate(asked.out / "world", nuscenes_world(SCENES * FRAMES, HELD_OUT * FRAMES, sequences=SCENES, seed=100))
        finish(run_job, [job for job in plan if not (job.folder / "result.json").exists()], asked.processes)
    print(table(plan))


if __name__ == "__main__":
    main()
