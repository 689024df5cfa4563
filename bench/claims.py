"""What benches of papers' claims share: many small runs, a few at a time, kept when they are done."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voxway.core.processes import begin_worker
from voxway.core.result import Result
from voxway.recipes.recipe import Recipe, StagedRecipe

if TYPE_CHECKING:
    from voxway.engine.distributed import Group


def options(about: str | None, out: str, seeds: int, counted: str = "of every row") -> argparse.ArgumentParser:
    """What every such bench asks.

    Args:
        about: the bench's docstring.
        out: folder of its runs by default.
        seeds: how many by default.
        counted: what has so many.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(out), help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=seeds, help=counted)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="runs at a time, of one thread each")
    parser.add_argument("--table", action="store_true", help="train nothing")
    return parser


def trained(chosen: Recipe | StagedRecipe, folder: Path, group: Group | None = None) -> Path:
    """Train a recipe on one thread, or where a group says; the folder of its network, of stages the last one's."""
    import torch

    from voxway.api.train import train
    from voxway.engine.memory import keep_freed_memory

    torch.set_num_threads(1)
    keep_freed_memory()
    return train(chosen, folder, folder.name, group=group, show=False)


def train_and_score(
    chosen: Recipe | StagedRecipe, folder: Path, wait_for: Path | None = None, device: str = "cpu"
) -> Path:
    """Train a recipe, and score its network on the validation split.

    Args:
        chosen: what to run.
        folder: of the run; the score goes to ``result.json`` there.
        wait_for: a teacher's score, which must be there first.
        device: where it computes.
    """
    import torch

    from voxway.api.load import load
    from voxway.api.score import score
    from voxway.engine.distributed import Group
    from voxway.prepare.ready import ready

    group = Group(device=torch.device(device))
    while wait_for is not None and not wait_for.exists():
        time.sleep(2)
    model = load(trained(chosen, folder, group), device)
    # What a teacher looks at besides is no part of what the student is scored with.
    last = list(chosen.stages.values())[-1] if isinstance(chosen, StagedRecipe) else chosen
    data = ready(replace(last.data, split="val", needs=model.method.inputs), last.sources, show=False)
    score(model, data, name=folder.name, group=group, show=False)[0].save(folder / "result.json")
    return folder


def finish(run: Callable[..., Path], jobs: Sequence[Any], processes: int) -> None:
    """Do the jobs in order, some at a time. Processes of one thread each: small networks gain nothing from more."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=begin_worker) as pool:
        for folder in pool.map(run, jobs):
            print(f"{time.strftime('%H:%M:%S')} {folder.name}", flush=True)


def paired_difference(folders: Sequence[Path], others: Sequence[Path], what: str = "miou") -> tuple[float, float, int]:
    """Mean difference (points of %) between runs and other runs of the same seeds, half the width of its 95 %
    interval by Student's t, and how many pairs are done."""
    done = [
        100 * (getattr(Result.load(one / "result.json"), what) - getattr(Result.load(other / "result.json"), what))
        for one, other in zip(folders, others)  # rows may have more seeds than others, or none
        if (one / "result.json").exists() and (other / "result.json").exists()
    ]
    return *interval(done), len(done)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and half the width of its 95 % interval by Student's t; nan where there are too few."""
    if len(values) < 2:
        return (float(values[0]) if len(values) else float("nan")), float("nan")
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return float(np.mean(values)), float(half)


def mean_and_spread(folders: Sequence[Path]) -> tuple[int, float, str, str] | None:
    """Runs, mean mIoU, and mIoU and IoU with their standard deviations (%), of the runs that are done."""
    results = [Result.load(folder / "result.json") for folder in folders if (folder / "result.json").exists()]
    if not results:
        return None
    miou, iou = (100 * np.array([getattr(r, what) for r in results]) for what in ("miou", "iou"))
    spread = miou.std(ddof=1) if len(results) > 1 else np.nan
    iou_spread = iou.std(ddof=1) if len(results) > 1 else np.nan
    return (
        len(results),
        float(miou.mean()),
        f"{miou.mean():.2f} +- {spread:.2f}",
        f"{iou.mean():.1f} +- {iou_spread:.1f}",
    )
