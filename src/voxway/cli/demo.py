"""The whole way in minutes: synthetic streets, a small MonoOcc trained on them, scores on held-out streets, a page.

examples:
  voxway demo --out demo
  voxway demo --out small --train 8 --val 2 --steps 10
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from voxway.cli.options import Device, Out, overridden

if TYPE_CHECKING:
    from voxway.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Options:
    """Show everything once."""

    out: Out = Path("demo")
    """Folder for the world, the run, the results and the page."""
    train: int = 120
    """Key frames for training."""
    val: int = 24
    """Key frames on held-out streets."""
    steps: int = 360
    """Training steps."""
    seed: int = 0
    """Of the world and of the training."""
    device: Device = "auto"


def run(options: Options) -> None:
    """World, training, evaluation, page; each step is kept, so a stopped demo continues."""
    from voxway.api.load import load
    from voxway.api.look import PAGE_FRAMES, frame_of, write_views
    from voxway.api.score import score, score_predictor, voxel_metric
    from voxway.api.train import train
    from voxway.engine.baseline import constant_predictor, most_frequent_class
    from voxway.engine.distributed import process_group
    from voxway.engine.evaluate import network_predictor, predictions
    from voxway.engine.memory import keep_freed_memory
    from voxway.prepare.ready import ready
    from voxway.recipes import DEMO, recipe
    from voxway.recipes.recipe import Recipe
    from voxway.world import generate
    from voxway.world.layouts import DEFAULT, world_config

    keep_freed_memory()
    clock = _Clock()
    root = options.out / "world"
    # Everything that may be refused comes before the minutes of work.
    drawn = world_config(DEFAULT, options.train, options.val, seed=options.seed)
    settings = (f"train.steps={options.steps}", f"train.seed={options.seed}")
    chosen = overridden(recipe(DEMO, root), settings)
    assert isinstance(chosen, Recipe)
    with process_group(options.device) as group:
        generate(root, drawn)
        clock.lap("world")
        folder = train(chosen, options.out / "run", DEMO, group=group)
        clock.lap("training")

        held_out = ready(replace(chosen.data, split="val"), chosen.sources)
        model = load(folder, group.device)
        ours = score(model, held_out, name=DEMO, group=group)[0]
        blind = replace(chosen.data, needs=frozenset({"target"}))
        volume = most_frequent_class(blind.build(), model.task)
        baseline = score_predictor(
            constant_predictor(volume),
            replace(blind, split="val"),
            {},
            metric=voxel_metric,
            name="most frequent class",
        )[0]
        ours.save(options.out / "results" / "network.json")
        baseline.save(options.out / "results" / "baseline.json")
        clock.lap("evaluation")

        samples = replace(held_out, keys=held_out.build().keys[:PAGE_FRAMES]).build()
        said = predictions(network_predictor(model.network), samples, samples.task, group=group)
        frames = [frame_of(sample, occupancy, held_out) for sample, occupancy in said]
    _report(ours, baseline)
    page, picture = write_views(options.out, frames, "voxway on streets it has never seen", [ours, baseline])
    print(f"page: {page}\npicture: {picture}")
    clock.lap("page")
    print(clock)


def _report(ours: Result, baseline: Result) -> None:
    from voxway.cli.screen import show
    from voxway.metrics.compare import compare

    # The baseline sees nothing and has no weights; everything else about the two numbers is alike.
    show(compare([ours, baseline], allow=("inputs", "ema")).table())
    factor = ours.miou / max(baseline.miou, 1e-9)
    print(f"held-out mIoU {100 * ours.miou:.2f} against {100 * baseline.miou:.2f} of the baseline: {factor:.1f} times")


class _Clock:
    """Where the time went."""

    def __init__(self) -> None:
        self.started = self.last = time.perf_counter()
        self.laps: list[tuple[str, float]] = []

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps.append((name, now - self.last))
        self.last = now

    def __str__(self) -> str:
        laps = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.laps)
        return f"time: {laps}; {self.last - self.started:.0f} s in all"
