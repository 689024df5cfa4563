"""What a network loses that learns from voxel labels made of raw LiDAR, instead of the world's true volumes.

Streets of the synthetic world are recorded as ever. Beside the true volumes of the training streets stand those that
`voxway prepare occupancy` makes of scans and poses alone: what is occupied and what is free comes from evidence, the
class of what is occupied from the points' labels. The same small network learns from either, in pairs of runs of the
same seed, on the benches' own task of what is near (`near.py`), and is scored on the true volumes of held-out streets.
Finished runs are kept; a stopped bench continues.

    python bench/from_lidar.py
    python bench/from_lidar.py --table      only the table of what is there
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from claims import finish, mean_and_spread, options, paired_difference, train_and_score
from occle_claims import ALONE, Job

from voxway.data.label_format import LabelOptions
from voxway.data.semantickitti.drive import open_drives
from voxway.prepare.label_files import label_job
from voxway.prepare.occupancy.run import prepare
from voxway.prepare.occupancy.settings import OccupancySettings
from voxway.prepare.runner import run
from voxway.recipes.recipe import Recipe
from voxway.world import generate
from voxway.world.layouts.semantickitti import semantickitti_world
from voxway.world.layouts.semantickitti.config import HELD_OUT
from voxway.world.layouts.semantics import FOLDER

TRAINING, VALIDATION = 100, 24
ARMS = {"the true volumes": "world", "labels from raw LiDAR": "made"}
"""What is learnt from -> the folder that holds it."""


@dataclass(frozen=True)
class Run:
    """One training run and its score."""

    out: Path
    arm: str
    seed: int
    scale: float

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.out / f"{ARMS[self.arm]}-seed{self.seed}"

    def recipe(self) -> Recipe:
        """The network of OccLE that learns from voxel labels alone, all of them."""
        chosen = Job(self.out, ALONE, "1", self.seed, self.scale, False, "cpu").recipe()
        assert isinstance(chosen, Recipe)
        return replace(chosen, data=replace(chosen.data, root=self.out / ARMS[self.arm]))


def run_job(job: Run) -> Path:
    """Train and score."""
    return train_and_score(job.recipe(), job.folder)


def with_made_labels(world: Path, labels: Path, folder: Path) -> None:
    """A world that shares all files with another one but the volumes of its training streets, which are made.

    Args:
        world: the other one.
        labels: where voxel labels are kept.
        folder: of the new one.
    """
    streets = sorted(path.name for path in (world / "sequences").iterdir() if path.name != HELD_OUT)
    prepare(open_drives(world, streets), labels, OccupancySettings())
    folder.mkdir(parents=True, exist_ok=True)
    for name in (FOLDER, "world.json"):
        if not (folder / name).exists():
            (folder / name).symlink_to((world / name).resolve())
    for sequence in [*streets, HELD_OUT]:
        own = folder / "sequences" / sequence
        own.mkdir(parents=True, exist_ok=True)
        for part in (world / "sequences" / sequence).iterdir():
            if (part.name != "voxels" or sequence == HELD_OUT) and not (own / part.name).exists():
                (own / part.name).symlink_to(part.resolve())
    run(label_job(labels, "semantickitti", folder, LabelOptions()))
    for sequence in streets:  # key frames of the world, and no others
        known = {path.stem for path in (world / "sequences" / sequence / "voxels").glob("*.label")}
        for path in (folder / "sequences" / sequence / "voxels").iterdir():
            if path.stem not in known:
                path.unlink()


def table(runs: list[Run]) -> str:
    """Means, spreads and the paired difference, as Markdown."""
    folders = {arm: [one.folder for one in runs if one.arm == arm] for arm in ARMS}
    truth, made = folders.values()
    rows = ["| learns from | runs | IoU | mIoU |", "| --- | --- | --- | --- |"]
    for arm, own in folders.items():
        if (found := mean_and_spread(own)) is not None:
            rows.append(f"| {arm} | {found[0]} | {found[3]} | {found[2]} |")
    lines = ["\n".join(rows)]
    for what in ("iou", "miou"):
        mean, half, count = paired_difference(made, truth, what)
        if count:
            lines.append(f"{what} of labels from raw LiDAR less the other: {mean:+.2f} +- {half:.2f} ({count} pairs)")
    return "\n\n".join(lines)


def main() -> None:
    """Make what is missing, train what is missing, print the table."""
    parser = options(__doc__, "runs/from-lidar", seeds=5)
    parser.add_argument("--scale", type=float, default=0.5, help="times the recipe's steps")
    asked = parser.parse_args()
    runs = [Run(asked.out, arm, seed, asked.scale) for seed in range(asked.seeds) for arm in ARMS]
    if not asked.table:
        world = generate(asked.out / "world", semantickitti_world(TRAINING, VALIDATION, seed=100, semantics=True))
        with_made_labels(world, asked.out / "labels", asked.out / "made")
        finish(run_job, [one for one in runs if not (one.folder / "result.json").exists()], asked.processes)
    print(table(runs))


if __name__ == "__main__":
    main()
