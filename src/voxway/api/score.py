"""Scoring networks and baselines by a benchmark's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from voxway.api.model import Model
from voxway.core.errors import InputError
from voxway.core.files import Json
from voxway.core.result import Protocol, Result
from voxway.core.stamps import fingerprint_of
from voxway.data.config import DataConfig
from voxway.engine.distributed import Group
from voxway.engine.evaluate import Predictor, evaluate, network_predictor
from voxway.metrics.occupancy import OccupancyMetric

_INPUTS = frozenset({"images", "points", "proposals"})


def score_predictor(
    predict: Predictor,
    data: DataConfig,
    sources: Mapping[str, str],
    *,
    name: str = "",
    ema: bool = False,
    training_masks: tuple[str, ...] = (),
    checkpoint: str = "",
    labels: Mapping[str, Json] | None = None,
    group: Group | None = None,
    show: bool = True,
) -> list[Result]:
    """Score a predictor by its benchmark's protocol; of several results the benchmark's main one comes first.

    Args:
        predict: says a class for every voxel.
        data: frames with all that it reads.
        sources: what prepared files were made from, by need.
        name: whose result it is.
        ema: whether its weights are averaged.
        training_masks: masks outside which it was taught nothing.
        checkpoint: SHA-256 of its weights.
        labels: facts of the labels that it learnt from (`voxway.core.label_list`); None: all.
        group: the processes that share the work.
        show: say how far it is.
    """
    samples = replace(data, needs=data.needs | {"target"}).build()
    benchmark = samples.benchmark
    protocol = Protocol(
        benchmark=benchmark.name,
        split=_split_name(data),
        samples=0,
        masks=benchmark.masks,
        inputs=_inputs(data, sources),
        frames=1 + len(data.earlier),
        training_masks=training_masks,
        ema=ema,
        checkpoint=checkpoint,
        labels=str((labels or {}).get("rule", "all")),
        label_names=str((labels or {}).get("sha256", "")),
        frame_names=fingerprint_of(sorted(samples.keys)),
    )
    return evaluate(predict, samples, OccupancyMetric(benchmark), protocol, name=name, group=group, show=show)


def score(
    model: Model, data: DataConfig, *, name: str = "", group: Group | None = None, show: bool = True
) -> list[Result]:
    """Score a model on data of its task's benchmark.

    Raises:
        InputError: it predicts other classes or voxels than the data's truth has.
    """
    task = data.reader().benchmark.task
    if (model.task.grid, model.task.classes) != (task.grid, task.classes):
        raise InputError(
            file=model.name,
            field="task",
            expected=f"{task.name}: {len(task.classes)} classes, {task.grid}",
            found=f"{model.task.name}: {len(model.task.classes)} classes, {model.task.grid}",
            remedy="Score the network that reads what this one predicts, or another benchmark's data.",
        )
    return score_predictor(
        network_predictor(model.network),
        data,
        model.sources,
        name=name or model.name,
        ema=model.ema,
        training_masks=model.method.training_masks,
        checkpoint=model.checkpoint,
        labels=model.labels,
        group=group,
        show=show,
    )


def _inputs(data: DataConfig, sources: Mapping[str, str]) -> tuple[str, ...]:
    """What a method saw, with where prepared files came from."""

    def origin(need: str) -> str:
        if need in sources:
            return f"{need}:{sources[need]}"
        return f"{need}:{data.prepared[need].name}" if need in data.prepared else need

    return tuple(origin(need) for need in sorted(data.needs & _INPUTS))


def _split_name(data: DataConfig) -> str:
    """The split, and what else says which frames and whose truth were scored."""
    parts = [",".join(data.keys) or ",".join(data.drives) or data.split, *data.truth_name()]
    if (Path(data.root) / "world.json").exists():
        parts.append("world")
    return " ".join(parts)
