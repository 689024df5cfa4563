"""Whether ImageNet weights of a small backbone help the demo's network, and in which form.

The demo's recipe with EfficientNet-lite0 in the place of its own backbone: which map, which norms, which learning rate
of the backbone; and the same network without the weights, which tells them from the architecture. Every seed gives a
set of runs: the same samples in the same order. Scored on held-out streets, on the same in pictures twice as large, and
on real KITTI frames that no run has seen, where their folder is named: on voxels whose truth is certain. Finished runs
are kept; a stopped bench continues.

    python bench/imagenet.py --real KITTI                 what is near (`near.py`), three seeds of every form
    python bench/imagenet.py --whole --forms today "frozen norms"       the demo's own size; hours on two cores
    python bench/imagenet.py --table                      only the table of what is there
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from claims import finish, mean_and_spread, options, paired_difference, train_and_score
from near import IMAGE_PX, nearby

from voxway.data.semantickitti.config import SemanticKITTIConfig
from voxway.engine.log import read_log
from voxway.recipes.monoocc import monoocc_world
from voxway.recipes.recipe import Recipe

TODAY = "today"
REAL = ("00/000000", "03/000000", "08/000000", "08/000005")
"""Frames of the KITTI folder with truth in ``derived``; four roads."""
WHOLE_PX = (370, 1226)
"""(height, width) twice those of the demo's pictures."""

Form = Callable[[Recipe], Recipe]


def lite0(backbone_rate: float = 1.0, **changes: object) -> Form:
    """The demo's recipe with that backbone."""

    def change(chosen: Recipe) -> Recipe:
        own = {"backbone": "tf_efficientnet_lite0", "reduction": 16, "pretrained": True, "weights": "package"}
        train = replace(chosen.train, rate_factors={"backbone": backbone_rate})
        return replace(chosen, method=replace(chosen.method, **(own | changes)), train=train)

    return change


FORMS: dict[str, Form] = {
    TODAY: lambda chosen: chosen,
    "frozen norms": lite0(norm="frozen-batch"),
    "frozen norms, a tenth of the rate": lite0(0.1, norm="frozen-batch"),
    "group norms": lite0(norm="group"),
    "group norms, a tenth of the rate": lite0(0.1, norm="group"),
    "group norms, finer map": lite0(norm="group", reduction=8),
    "group norms, no weights": lite0(norm="group", pretrained=False),
}


@dataclass(frozen=True)
class Job:
    """One training run and its scores."""

    out: Path
    form: str
    seed: int
    steps: int
    whole: bool
    real: Path | None

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.out / f"{self.form.replace(' ', '-').replace(',', '')}-seed{self.seed}"

    @property
    def real_folder(self) -> Path:
        """Of the score on real frames."""
        return self.folder / "real"

    @property
    def twice_folder(self) -> Path:
        """Of the score on the same streets in pictures twice as large as it learnt from."""
        return self.folder / "twice"

    @property
    def done(self) -> bool:
        """Whether every score is there."""
        folders = [self.folder, self.twice_folder, *([] if self.real is None else [self.real_folder])]
        return all((folder / "result.json").exists() for folder in folders)

    def recipe(self) -> Recipe:
        """What is trained."""
        chosen = monoocc_world(self.out / "world")
        chosen = FORMS[self.form](chosen if self.whole else nearby(chosen, plane=(64, 128)))
        train = replace(chosen.train, steps=self.steps, seed=self.seed, checkpoint_every=self.steps)
        return replace(chosen, train=train)


def run_job(job: Job) -> Path:
    """Train and score."""
    if not (job.folder / "result.json").exists():
        train_and_score(job.recipe(), job.folder)
    score_besides(job)
    return job.folder


def score_besides(job: Job) -> None:
    """Score on pictures of twice the size, and on real frames."""
    from voxway.api.load import load
    from voxway.api.score import score
    from voxway.prepare.ready import ready

    model = load(job.folder / "model")
    assert isinstance(model.data, SemanticKITTIConfig)
    seen = replace(model.data, needs=model.method.inputs)
    twice = (2 * IMAGE_PX[0], 2 * IMAGE_PX[1]) if seen.image_px else WHOLE_PX
    places = {job.twice_folder: (replace(seen, split="val", image_px=twice), None)}
    if (real := job.real) is not None:
        frames = replace(seen, root=real, keys=REAL, partial=False, targets=real / "derived")
        places[job.real_folder] = (frames, job.out / "real")
    for folder, (data, cache) in places.items():
        if not (folder / "result.json").exists():
            folder.mkdir(exist_ok=True)
            data = ready(data, model.sources, cache=cache, show=False)
            score(model, data, name=folder.name, show=False)[0].save(folder / "result.json")


def table(plan: list[Job]) -> str:
    """Means and spreads of the finished runs, and differences of seeds that both have, as Markdown."""
    rows = [
        "| form | runs | s a step | held out: mIoU | IoU | mIoU than today | twice as large: IoU "
        "| real: mIoU | IoU | IoU than today |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    of = {form: [job for job in plan if job.form == form] for form in FORMS}
    for form, jobs in of.items():
        held = mean_and_spread([job.folder for job in jobs])
        real = mean_and_spread([job.real_folder for job in jobs])
        if held is None:
            continue
        logs = [read_log(job.folder) for job in jobs if (job.folder / "result.json").exists()]
        seconds = statistics.median(entry["seconds"] for log in logs for entry in log if "seconds" in entry)
        more = ["", ""]
        if form != TODAY:
            pairs = [
                paired_difference([job.folder for job in jobs], [job.folder for job in of[TODAY]]),
                paired_difference([job.real_folder for job in jobs], [job.real_folder for job in of[TODAY]], "iou"),
            ]
            more = [f"{mean:+.2f} +- {half:.2f} ({count})" for mean, half, count in pairs]
        twice = mean_and_spread([job.twice_folder for job in jobs])
        seen = ["", ""] if real is None else [real[2], real[3]]
        large = "" if twice is None else twice[3]
        cells = [form, str(held[0]), f"{seconds:.2f}", *held[2:], more[0], large, *seen, more[1]]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Run what is missing, print the table."""
    parser = options(__doc__, "runs/imagenet", seeds=3)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=tuple(FORMS))
    parser.add_argument("--steps", type=int, default=360)
    parser.add_argument("--whole", action="store_true", help="the demo's own size, for some hours")
    parser.add_argument("--real", type=Path, help="folder with KITTI's frames and `derived`, to score on besides")
    asked = parser.parse_args()
    if asked.whole:
        asked.out /= "whole"  # another task's runs, and prepared files of other voxels
    plan = [
        Job(asked.out, form, seed, asked.steps, asked.whole, asked.real)
        for seed in range(asked.seeds)
        for form in asked.forms
    ]
    if not asked.table:
        from voxway.prepare.ready import ready
        from voxway.world import generate
        from voxway.world.layouts.semantickitti import semantickitti_world

        generate(asked.out / "world", semantickitti_world(120, 24, seed=100, semantics=True))
        chosen = plan[0].recipe()
        ready(chosen.data, chosen.sources)  # once, not by every run
        finish(run_job, [job for job in plan if not job.done], asked.processes)
    print(table(plan))


if __name__ == "__main__":
    main()
