"""The whole way in minutes: synthetic streets, a small MonoOcc trained on them, scores on held-out streets, a page.

With --box nothing is trained: the network that the package brings along looks at streets that it has never seen.

examples:
  voxway demo --out demo
  voxway demo --box --out demo
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
    box: bool = False
    """Train nothing; show what the network sees that the package brings along, on three streets by three rigs."""
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
    (_show_box if options.box else _train)(options)


def _show_box(options: Options) -> None:
    """Streets, rigs, predictions, scores, page."""
    from voxway.api.load import load
    from voxway.api.look import frame_of, write_views
    from voxway.api.score import score
    from voxway.engine.distributed import process_group
    from voxway.engine.evaluate import network_predictor, predictions
    from voxway.engine.shipped import NAMES
    from voxway.world import generate
    from voxway.world.layouts import world_config

    with process_group(options.device) as group:
        model = load(NAMES[0], group.device)
        # A world of its own: the network learnt on the streets of other seeds.
        drawn = world_config("rigs", 1, 3, 12, seed=_UNSEEN + options.seed)
        root = generate(options.out / "streets", drawn)
        data = replace(model.data, root=root, split="val", needs=model.needs, augment=None)
        result = score(model, data, group=group)[0]
        said = predictions(network_predictor(model.network), data.build(), model.task, group=group)
        frames = [frame_of(sample, occupancy, data) for sample, occupancy in said]
    print(f"three streets by three rigs: IoU {100 * result.iou:.1f}, mIoU {100 * result.miou:.1f}")
    page, picture = write_views(options.out, frames, "The box on streets it has never seen", [result])
    print(f"page: {page}\npicture: {picture}")


_UNSEEN = 7000
"""Seed of worlds that no shipped network has learnt from."""


def _train(options: Options) -> None:
    """World, training, evaluation, page."""
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
